from __future__ import annotations

from html.parser import HTMLParser

import yaml
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service.app import create_app
from service.metrics import FORMATS
from service.openapi import FILE, main, render, to_yaml
from service.settings import Settings

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("aZ_09.$/{}- #:yno", min_size=1), inner),
    max_leaves=8,
)
CALLS = {
    "POST /retrieve",
    "GET /collections",
    "PUT /collections/{collection}",
    "GET /collections/{collection}",
    "DELETE /collections/{collection}",
    "POST /collections/{collection}/reindex",
    "POST /collections/{collection}/rollback",
    *(
        f"{call}"
        for plural in ("trajectories", "documents")
        for call in (
            f"POST /collections/{{collection}}/{plural}",
            f"GET /collections/{{collection}}/{plural}",
            f"GET /collections/{{collection}}/{plural}/{{id}}",
            f"DELETE /collections/{{collection}}/{plural}/{{id}}",
        )
    ),
    "GET /jobs",
    "GET /jobs/{id}",
    "POST /jobs/{id}/cancel",
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
}


def test_the_file_is_what_the_code_says() -> None:
    assert FILE.read_text("utf-8") == render(), "run: make openapi"
    assert yaml.safe_load(FILE.read_text("utf-8")) == create_app(Settings()).openapi()
    assert main(["--check"]) == 0


@given(st.dictionaries(st.text("aZ_09.$/{}- #:yno", min_size=1), VALUES, min_size=1))
def test_yaml_reads_back_as_it_was(value: dict[str, object]) -> None:
    assert yaml.safe_load("\n".join(to_yaml(value))) == value


def test_every_call_is_described_with_its_problems() -> None:
    document = create_app(Settings()).openapi()
    found = {
        f"{method.upper()} {path}": call
        for path, methods in document["paths"].items()
        for method, call in methods.items()
    }
    assert found.keys() == CALLS
    for call in found.values():
        answered = set(FORMATS) if call["operationId"] == "metrics" else {"application/json"}
        for status, answer in call["responses"].items():
            kinds = answer.get("content", {}).keys()
            expected = {"application/problem+json"} if status >= "400" else answered
            assert kinds == (set() if status == "204" else expected)
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    assert '"$ref": "#/components/schemas/' in render()


class Page(HTMLParser):
    """Collects what a page would load and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.targets: set[str] = set()
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert tag not in ("script", "img", "link")
        self.sources += [found[name] for name in ("src", "action") if name in found]
        if "href" in found:
            self.targets.add(found["href"])
        if "id" in found:
            self.ids.add(found["id"])


def test_the_reference_is_one_page_that_loads_nothing(client: TestClient) -> None:
    answer = client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    page = Page()
    page.feed(answer.text)
    assert page.sources == []
    assert {target for target in page.targets if target.startswith("#")} <= {f"#{id}" for id in page.ids}
    assert client.get("/openapi.json").json() == client.app.openapi()  # type: ignore[attr-defined]
    for call in CALLS:
        assert call.split()[1] in answer.text
