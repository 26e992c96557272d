"""The web pages, as a browser without a screen would get them."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.service.running import create, trajectory

HOSTILE = (
    '<script>document.title = "taken"</script>"><img src=x onerror=alert(1)></textarea></pre>'
    "{{ 7919 * 7907 }}"
)
ODD_ID = 'a/b?c=&"<d> é'


def hostile() -> dict[str, object]:
    steps = [{"observation": HOSTILE, "action": HOSTILE, "thought": HOSTILE} for _ in range(3)]
    told = {"instruction": HOSTILE, "steps": steps, "final_observation": HOSTILE}
    return {"id": ODD_ID, "metadata": {HOSTILE: HOSTILE}, **told}


def field(page: str, name: str) -> str:
    """What a text area holds, as a browser reads it."""
    found = re.search(rf'<textarea id="{name}"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)
    assert found is not None
    return unescape(found[1])


def test_home_lists_the_collections(client: TestClient) -> None:
    assert "no collections yet" in client.get("/ui").text
    create(client, "rooms", trajectory("one"), trajectory("two", 2))
    page = client.get("/ui")
    assert 'href="/ui/rooms"' in page.text
    assert "hashing-64" in page.text
    assert re.search(r"<dt>Trajectories</dt><dd>2</dd>", page.text)


def test_the_policy_lets_nothing_run_and_nothing_in_from_elsewhere(client: TestClient) -> None:
    create(client, "rooms", trajectory("one"))
    for path in ("/ui", "/ui/rooms", "/ui/rooms?trajectory=one", "/ui/missing"):
        page = client.get(path)
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; form-action 'self'")
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script|style=|https?://", page.text)
    assert client.get("/ui/static/ui.css").headers["content-type"].startswith("text/css")


def test_the_pages_are_no_part_of_the_api(client: TestClient) -> None:
    assert [path for path in client.get("/openapi.json").json()["paths"] if path.startswith("/ui")] == []


def test_the_form_begins_in_the_middle_of_a_stored_episode(client: TestClient) -> None:
    create(client, "rooms", trajectory("one", 1))
    page = client.get("/ui/rooms").text
    assert field(page, "instruction") == "Book room 1 for Monday"
    assert field(page, "observation") == "Room 1 is free on Monday"
    assert '"click [room 1]"' in field(page, "history")
    assert 'id="answer"' not in page


def test_an_empty_collection_has_an_empty_form(client: TestClient) -> None:
    create(client, "rooms")
    page = client.get("/ui/rooms").text
    assert field(page, "observation") == ""
    answer = client.post("/ui/rooms", data={"instruction": "Book a room"})
    assert "Nothing here matches" in answer.text


def test_a_stored_episode_is_walked_through_step_by_step(client: TestClient) -> None:
    create(client, "rooms", trajectory("one", 1), trajectory("two", 2))
    first = client.get("/ui/rooms?trajectory=one&step=0").text
    assert "step 1 of 2" in first
    assert 'rel="prev"' not in first
    assert 'rel="next" href="/ui/rooms?trajectory=one&amp;step=1"' in first
    last = client.get("/ui/rooms?trajectory=one&step=1").text
    assert 'rel="next"' not in last
    assert client.get("/ui/rooms?trajectory=one&step=99").text.count("step 2 of 2") == 1
    assert "<code>two</code></a>" in last
    assert "Next action: <code" in last
    assert len(re.findall("<article", last)) == 1, "the episode itself is left out"


def test_the_form_asks_what_an_agent_would_ask(client: TestClient) -> None:
    create(client, "rooms", trajectory("one", 1), trajectory("two", 2))
    asked = {
        "instruction": "Book a room",
        "observation": "Room 2 is free on Monday",
        "strategy": "observation",
    }
    page = client.post("/ui/rooms", data=asked).text
    assert '<span class="kind exact">exact</span>' in page
    assert 'Next action: <code class="action">click [book]</code>' in page
    assert "Step 2 of 2 (like the present situation)" in page
    assert "<option selected>observation</option>" in page


def test_line_ends_of_a_browser_leave_an_exact_match_exact(client: TestClient) -> None:
    seen = "\nRooms:\n- one\n- two\n"
    steps = [{"observation": seen, "action": "click [one]"}]
    create(client, "rooms", trajectory("one", steps=steps))
    assert field(client.get("/ui/rooms").text, "observation") == seen
    sent = {"observation": seen.replace("\n", "\r\n"), "exclude": ""}
    assert '<span class="kind exact">' in client.post("/ui/rooms", data=sent).text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"instruction": ""}, "instruction or observation is needed"),
        ({"instruction": "x", "tokens": "many"}, "limits.tokens"),
        ({"instruction": "x", "tokens": "9" * 5_000}, "limits.tokens"),
        ({"instruction": "x", "strategy": "best"}, "strategy"),
        ({"instruction": "x", "history": "[{"}, "history"),
        ({"instruction": "x", "history": '[{"observation": 1}]'}, "history.0.observation"),
        ({"instruction": "a\x00b"}, "NUL"),
    ],
)
def test_what_cannot_be_asked_is_told_beside_the_form(
    client: TestClient, given: dict[str, str], told: str
) -> None:
    create(client, "rooms", trajectory("one"))
    page = client.post("/ui/rooms", data=given)
    assert page.status_code == 422
    assert told in unescape(page.text)
    assert field(page.text, "instruction") == given.get("instruction", "")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ui/missing", 404),
        ("/ui/No%20Name", 404),
        ("/ui/rooms?trajectory=missing", 404),
        ("/ui/rooms?trajectory=a%00b", 404),
        ("/ui/rooms?step=-1", 422),
        ("/ui/rooms?step=x", 422),
    ],
)
def test_what_is_not_there_is_told_as_a_page(client: TestClient, path: str, status: int) -> None:
    create(client, "rooms", trajectory("one"))
    page = client.get(path)
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert 'role="alert"' in page.text


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=1"] * 50), "application/x-www-form-urlencoded", 400),
        (b"instruction=%FF%ED%A0%80", "application/x-www-form-urlencoded", 200),
        (b"{}", "application/json", 415),
        (b"", "text/plain", 415),
    ],
)
def test_a_body_that_is_no_form_is_no_fault_of_ours(
    client: TestClient, body: bytes, media: str, status: int
) -> None:
    create(client, "rooms", trajectory("one"))
    page = client.post("/ui/rooms", content=body, headers={"content-type": media})
    assert (page.status_code, page.headers["content-type"][:9]) == (status, "text/html")


def test_hostile_text_stays_text(client: TestClient) -> None:
    create(client, "rooms", hostile(), trajectory("one"))
    address = f"/ui/rooms?trajectory={quote(ODD_ID, safe='')}&step=1"
    asked = client.post(
        "/ui/rooms", data={"instruction": HOSTILE, "observation": HOSTILE, "exclude": '"><b>'}
    )
    for page in (client.get(address), client.get("/ui/rooms"), asked):
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "<b>&" not in page.text
        assert str(7919 * 7907) not in page.text
    assert field(client.get(address).text, "observation") == HOSTILE
    assert f"trajectory={quote(ODD_ID)}" in asked.text


def test_long_lists_of_episodes_come_in_pages(client: TestClient) -> None:
    create(client, "rooms", *(trajectory(f"t{number:02}", number) for number in range(45)))
    pages, path = 0, "/ui/rooms"
    seen: list[str] = []
    while path:
        page = client.get(path).text
        seen += re.findall(r"<li><a [^>]*><code>(t\d\d)</code>", page)
        more = re.search(r'href="([^"]*)#episodes">More', page)
        path, pages = (unescape(more[1]), pages + 1) if more else ("", pages + 1)
    assert (seen, pages) == ([f"t{number:02}" for number in range(45)], 3)
