"""Every error is a problem of a known type, and every type can be met."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from indexing import errors
from service import problems
from service.caller import Forbidden, Unauthenticated
from service.problems import KINDS, OF_ERRORS, documented, of_error
from tests.service.running import create, problem, settings_for

PAGE = Path(__file__).resolve().parents[2] / "docs" / "problems.md"
RAISED: dict[str, errors.PrecedentError] = {
    "malformed": problems.Malformed("x"),
    "too-slow": problems.TooSlow("x"),
    "unauthenticated": Unauthenticated("x"),
    "forbidden": Forbidden("x", "write"),
    "not-found": errors.NotFound("x"),
    "conflict": errors.Conflict("x"),
    "embedder-mismatch": errors.EmbedderMismatch("x"),
    "too-large": errors.TooLarge("x"),
    "unsupported-media-type": problems.UnsupportedMediaType("x", "application/json"),
    "invalid-input": errors.InvalidInput("x", "a.b"),
    "invalid-filter": errors.InvalidFilter("x", "filter.a"),
    "overloaded": errors.Overloaded("x", 2.6),
    "not-ready": problems.NotReady("x"),
    "deadline-exceeded": errors.DeadlineExceeded("x"),
    "missing-extra": errors.MissingExtra("x"),
    "corrupt-generation": errors.CorruptGeneration("x"),
    "unavailable": errors.PrecedentError("x"),
    "storage-full": errors.StorageFull("x"),
}
MET_ELSEWHERE = {
    "foreign-host",
    "foreign-page",
    "no-such-address",
    "method-not-allowed",
    "rate-limited",
    "internal",
}


def test_the_page_lists_every_type() -> None:
    rows = re.findall(r"^\| `(/problems/[a-z-]+)` \| (\d+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    told = {kind.type: (str(kind.status), kind.when[0].upper() + kind.when[1:]) for kind in KINDS.values()}
    assert {type: (status, when) for type, status, when in rows} == told
    assert len(rows) == len(told)


def test_every_type_is_tried_here() -> None:
    assert RAISED.keys() | MET_ELSEWHERE == KINDS.keys()


@pytest.mark.parametrize("name", RAISED)
def test_an_error_is_told_as_its_type(name: str) -> None:
    response = of_error(RAISED[name])
    assert (response.status_code, response.media_type) == (KINDS[name].status, problems.MEDIA_TYPE)
    assert f'"type":"/problems/{name}"'.encode() in response.body


def test_every_error_of_the_tree_has_a_type() -> None:
    tree = [errors.PrecedentError]
    for kind in tree:
        tree += kind.__subclasses__()
        assert any(base in OF_ERRORS for base in kind.__mro__)


def test_who_is_overloaded_says_when_to_come_again() -> None:
    assert of_error(RAISED["overloaded"]).headers["retry-after"] == "3"
    assert of_error(errors.Overloaded("x", 0.01)).headers["retry-after"] == "1"
    assert of_error(RAISED["not-ready"]).headers["retry-after"] == "1"


def test_what_a_client_sent_is_told_back_at_bounded_length(client: TestClient) -> None:
    answer = client.post("/retrieve", json={"x" * 100_000: 1})
    assert len(answer.content) < 5_000
    answer = client.post("/retrieve", json={str(number): 1 for number in range(1_000)})
    assert len(problem(answer, "invalid-input", 422)["errors"]) <= 100


@pytest.mark.parametrize("path", ["/nothing", "/retrieve/", "/collections/", "/jobs/a/b", "/health"])
def test_an_unknown_address_is_a_problem(client: TestClient, path: str) -> None:
    for method in "GET", "POST", "DELETE", "TRACE":
        problem(client.request(method, path), "no-such-address", 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/retrieve", "POST"),
        ("DELETE", "/collections", "GET"),
        ("PATCH", "/collections/rooms", "GET, PUT, DELETE"),
        ("POST", "/collections/rooms", "GET, PUT, DELETE"),
        ("PUT", "/collections/rooms/trajectories", "GET, POST"),
        ("POST", "/collections/rooms/trajectories/a/b", "GET, DELETE"),
        ("GET", "/collections/rooms/reindex", "POST"),
        ("POST", "/jobs", "GET"),
        ("TRACE", "/health/live", "GET"),
    ],
)
def test_another_method_is_refused_with_those_there_are(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path)
    problem(answer, "method-not-allowed", 405)
    assert answer.headers["allow"] == allowed


def test_a_fault_of_ours_is_a_problem_that_tells_nothing(tmp_path: Path) -> None:
    from service.app import create_app

    app = create_app(settings_for(tmp_path))

    @app.get("/broken")
    async def broken() -> None:
        raise KeyError("secret observation")

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/broken")
        assert problem(answer, "internal", 500)
        assert "secret" not in answer.text


def test_documented_problems_join_those_of_one_status() -> None:
    told = documented("invalid-input", "invalid-filter", "not-found")
    assert list(told) == [404, 422]
    assert "Invalid filter" in told[422]["description"]


def test_a_body_too_long_is_refused_before_it_is_read(client: TestClient) -> None:
    create(client)
    headers = {"content-type": "application/json", "content-length": str(65 << 20)}
    told = problem(
        client.post("/collections/rooms/trajectories", content=b"[]", headers=headers), "too-large", 413
    )
    assert "application/x-ndjson" in told["detail"]
    headers = {"content-type": "application/x-ndjson", "content-length": str(257 << 20)}
    problem(client.post("/collections/rooms/trajectories", content=b"{}", headers=headers), "too-large", 413)
