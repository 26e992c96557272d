"""What all pages have in common: their policy, their files, how they tell what isn't there."""

from __future__ import annotations

import json
import re

import pytest
from starlette.testclient import TestClient

from service.pages.assets import FOREVER
from service.pages.wording import excerpt, facts, line
from service.visible import readable_json, unseen, visible
from tests.service.running import create, trajectory

PAGES = (
    "/ui",
    "/ui/-/jobs",
    "/ui/-/jobs/live",
    "/ui/-/latency",
    "/ui/-/latency/live",
    "/ui/rooms",
    "/ui/rooms/live",
    "/ui/rooms/ask",
    "/ui/rooms/ask?trajectory=one",
    "/ui/rooms/trajectories?q=room",
    "/ui/rooms/trajectory?id=one",
)


@pytest.mark.parametrize("path", [*PAGES, "/ui/missing"])
def test_the_policy_lets_nothing_run_but_our_own_file(client: TestClient, path: str) -> None:
    create(client, "rooms", trajectory("one"))
    page = client.get(path)
    assert page.status_code == (404 if path == "/ui/missing" else 200)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'; ")
    assert policy.endswith("require-trusted-types-for 'script'; trusted-types 'none'")
    assert "unsafe" not in policy
    assert "data:" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?! src=)|style=|\son\w+=|https?://|javascript:", page.text)


def test_files_are_kept_for_good_under_the_name_of_their_content(client: TestClient) -> None:
    page = client.get("/ui/-/jobs").text
    found = re.findall(r'(?:href|src)="(/ui/-/static/[^"]+)"', page)
    assert sorted(name.rpartition(".")[2] for name in found) == ["css", "js", "svg"]
    for address in found:
        file = client.get(address)
        assert file.status_code == 200
        assert file.headers["cache-control"] == FOREVER
        assert file.headers["x-content-type-options"] == "nosniff"
        older = client.get(re.sub(r"\.[0-9a-f]{12}\.", ".000000000000.", address))
        assert older.content == file.content
        assert older.headers["cache-control"] == "no-cache"


def test_who_comes_without_an_address_is_shown_the_pages(client: TestClient) -> None:
    for path in "/", "/ui/":
        answer = client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (307, "/ui")


@pytest.mark.parametrize("path", ["/ui/-/nothing", "/ui/rooms/nothing", "/ui/rooms/ask/more"])
def test_an_address_that_no_page_has_is_told_as_a_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "nothing is at this address" in answer.text


@pytest.mark.parametrize("name", ["ui.css", "..%2fui.py", "ui.0.py", "", "x" * 500, ".a.css"])
def test_no_other_file_is_given_out(client: TestClient, name: str) -> None:
    assert client.get(f"/ui/-/static/{name}").status_code == 404


def test_the_pages_are_no_part_of_the_api(client: TestClient) -> None:
    assert [path for path in client.get("/openapi.json").json()["paths"] if path.startswith("/ui")] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ui/missing", 404),
        ("/ui/missing/ask", 404),
        ("/ui/missing/live", 404),
        ("/ui/missing/trajectories", 404),
        ("/ui/No%20Name", 404),
        ("/ui/rooms/ask?trajectory=missing", 404),
        ("/ui/rooms/ask?trajectory=a%00b", 404),
        ("/ui/rooms/trajectory?id=missing", 404),
        ("/ui/rooms/trajectory", 404),
        (f"/ui/rooms/trajectory?id={'x' * 5000}", 404),
        ("/ui/rooms/trajectory?id=one&start=-1", 422),
        ("/ui/rooms/ask?step=x&trajectory=one", 422),
        ("/ui/rooms/ask?" + "&".join(["k=1"] * 50), 400),
    ],
)
def test_what_is_not_there_is_told_as_a_page(client: TestClient, path: str, status: int) -> None:
    create(client, "rooms", trajectory("one"))
    page = client.get(path)
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert 'role="alert"' in page.text


def test_home_lists_the_collections(client: TestClient) -> None:
    assert "no collections yet" in client.get("/ui").text
    create(client, "rooms", trajectory("one"), trajectory("two", 2))
    page = client.get("/ui").text
    assert '<a href="/ui/rooms">rooms</a>' in page
    assert '<td class="n">2</td>' in page
    assert "<code>hashing-64</code>" in page


def test_what_hides_is_named_and_what_is_long_is_counted() -> None:
    assert visible("a\u202eb\x1b[31m\u2066\ufeff") == "a⟨U+202E⟩b⟨U+001B⟩[31m⟨U+2066⟩⟨U+FEFF⟩"
    assert visible("tab\there\nline, नि é 你好") == "tab\there\nline, नि é 你好"
    assert excerpt("x" * 30, 10) == "x" * 10 + "\n… 20 more characters, not shown here"
    assert line(" a \n\n b ") == "a b"
    assert len(line("x" * 10_000_000, 50)) == 50
    assert line("x" + " " * 10_000 + "y", 50) == "x…"


def test_orders_that_no_person_would_see_are_named() -> None:
    told = "".join(chr(0xE0000 + ord(letter)) for letter in "rm")
    assert visible(f"ok{told}") == "ok⟨U+E0072⟩⟨U+E006D⟩"
    assert visible("a\u061cb\u00adc\u3164") == "a⟨U+061C⟩b⟨U+00AD⟩c⟨U+3164⟩"
    assert unseen(f"ok{told}{told}") == ["⟨U+E006D⟩", "⟨U+E0072⟩"]
    bits = "☺" + "\ufe0f\U000e0100\ufe01" + "x\ufe00"
    assert visible(bits) == "☺\ufe0f⟨U+E0100⟩⟨U+FE01⟩x⟨U+FE00⟩"
    assert json.loads(readable_json({"a": f"b{told}\u202e"})) == {"a": f"b{told}\u202e"}
    assert readable_json({"a": told}).isascii()


@pytest.mark.parametrize(
    "text", ["👩\u200d💻", "می\u200cخواهم", "❤️", "1\ufe0f\u20e3", "क्\u200dष", "葛\U000e0100"]
)
def test_what_scripts_and_emoji_are_made_of_stays(text: str) -> None:
    assert visible(text) == text


def test_marks_that_would_paint_over_the_page_are_counted() -> None:
    assert visible("Z" + "\u0301" * 3000 + "é") == "Z" + "\u0301" * 8 + "⟨2,992 more marks⟩é"
    assert visible("Z" + "\u0301" * 8) == "Z" + "\u0301" * 8
    assert visible("…" * 40) == "…" * 40


def test_facts_are_told_as_filters_name_them() -> None:
    told = {"a": {"b": [1, "two"], "c": None}, "d": True}
    assert facts(told) == [("a.b", "1, two"), ("d", "true")]
    assert len(facts({str(number): number for number in range(1000)})) == 60


def test_metrics_know_each_page_by_its_whole_address(client: TestClient) -> None:
    create(client, "rooms", trajectory("one"))
    for path in (*PAGES, "/ui/-/static/nothing.css"):
        client.get(path)
    metrics = client.get("/metrics").text
    pages = {"/ui", "/ui/-/jobs", "/ui/{collection}", "/ui/{collection}/ask", "/ui/-/static/{name}"}
    routes = set(re.findall(r'precedent_http_requests_total\{[^}]*route="([^"]*)"', metrics))
    assert routes >= pages
    assert not any(route.startswith(("/{", "/-")) for route in routes)
