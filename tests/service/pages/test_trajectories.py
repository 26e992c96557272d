"""The trajectory browser: what is found, in which order, and a single one with its steps."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.service.pages.hostile import HOSTILE, ODD_ID, assert_harmless, hostile
from tests.service.running import create, reindexed, trajectory, upsert
from tests.service.running import lines as ndjson

BROWSE = "/ui/rooms/trajectories"


def listed(page: str) -> list[str]:
    """The ids in a list, in its order."""
    found = re.findall(r'<a href="/ui/rooms/trajectory\?id=([^"&]+)">', page)
    return [unescape(id) for id in found]


def steps(count: int) -> list[dict[str, str]]:
    return [{"observation": f"page {number}", "action": f"turn [{number}]"} for number in range(count)]


def test_long_lists_come_in_pages(client: TestClient) -> None:
    create(client, "rooms", *(trajectory(f"t{number:02}", number) for number in range(60)))
    reindexed(client)
    upsert(client, "rooms", ndjson(trajectory("t005", 5)))
    seen: list[str] = []
    path, pages = BROWSE, 0
    while path:
        page = client.get(path).text
        seen += listed(page)
        more = re.search(r'rel="next" href="([^"]*)"', page)
        path, pages = (unescape(more[1]) if more else ""), pages + 1
    assert seen == sorted([*(f"t{number:02}" for number in range(60)), "t005"])
    assert pages == 3
    assert listed(client.get(f"{BROWSE}?page=999").text) == seen[50:]


def test_words_of_the_instruction_find_it_and_an_id_comes_first(client: TestClient) -> None:
    create(
        client,
        "rooms",
        trajectory("floor", instruction="Paint the wall"),
        trajectory("x1", instruction="Sweep the floor"),
        trajectory("x2", instruction="Sweep the floor, then polish the floor and leave"),
        trajectory("floor/7", instruction="Nothing of the kind"),
    )
    assert listed(client.get(f"{BROWSE}?q=floor").text) == ["floor", "floor/7", "x1", "x2"]
    assert listed(client.get(f"{BROWSE}?q=polish").text) == ["x2"]
    nothing = client.get(f"{BROWSE}?q=elephant").text
    assert listed(nothing) == []
    assert "Nothing here is like that" in nothing


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("outcome=success", ["a"]),
        ("outcome=failure", ["b"]),
        ("outcome=unknown", ["c", "d"]),
        ("kind=human", ["a"]),
        ("construction=summary", ["b"]),
        ("rollout=r%2F1", ["b", "c"]),
        ("least=3", ["a", "c"]),
        ("most=2", ["b", "d"]),
        ("least=3&most=4", ["a"]),
        ("outcome=unknown&least=3&q=Monday", ["c"]),
        ("unknown=1&page=&q=", ["a", "b", "c", "d"]),
    ],
)
def test_filters_narrow_the_list(client: TestClient, query: str, ids: list[str]) -> None:
    create(
        client,
        "rooms",
        trajectory("a", steps=steps(3), outcome={"success": True}, source={"kind": "human"}),
        trajectory("b", outcome={"success": False}, source={"construction": "summary", "rollout": "r/1"}),
        trajectory("c", steps=steps(9), source={"rollout": "r/1"}),
        trajectory("d", outcome={"reward": 0.5}),
    )
    assert listed(client.get(f"{BROWSE}?{query}").text) == ids


@pytest.mark.parametrize("query", ["least=few", "page=-1", "outcome=great", "most=" + "9" * 400])
def test_what_cannot_be_looked_for_is_told_beside_the_form(client: TestClient, query: str) -> None:
    create(client, "rooms", trajectory("one"))
    page = client.get(f"{BROWSE}?{query}")
    assert page.status_code == 422
    assert 'role="alert"' in page.text


def test_nothing_stored_nothing_listed(client: TestClient) -> None:
    create(client, "rooms")
    for query in ("", "?q=room", "?outcome=success&least=1"):
        assert listed(client.get(BROWSE + query).text) == []


def test_a_trajectory_is_told_with_where_it_comes_from(client: TestClient) -> None:
    source: dict[str, object] = {
        "kind": "synthesized",
        "construction": "abstraction",
        "rollout": "r/1",
        "span": [2, 4],
    }
    source |= {"documents": ["manual.md"], "instruction": "Find a room", "editor": {"name": "somebody"}}
    made = trajectory("one", source=source, outcome={"success": True, "reward": 0.5}, metadata={"site": "x"})
    create(client, "rooms", {**made, "final_observation": "It is booked"})
    page = client.get("/ui/rooms/trajectory?id=one").text
    assert "actions 3 to 4 of the rollout" in page
    assert f'href="{BROWSE}?rollout=r/1"' in page
    for told in ("manual.md", "Find a room", "somebody", "outcome.reward", "0.5", "site", "It is booked"):
        assert told in page
    asks = re.findall(r'href="(/ui/rooms/ask\?[^"]+)"', page)
    assert [unescape(one) for one in asks] == [f"/ui/rooms/ask?trajectory=one&step={n}" for n in (0, 1)]
    assert client.get(unescape(asks[1])).status_code == 200
    assert 'href="/collections/rooms/trajectories/one"' in page


def test_many_steps_come_in_pages_and_a_matched_one_is_on_its_own(client: TestClient) -> None:
    create(client, "rooms", trajectory("long", steps=steps(120)))
    page = client.get("/ui/rooms/trajectory?id=long&start=77").text
    assert re.findall(r'<li id="step-(\d+)">', page) == [str(number) for number in range(51, 101)]
    assert 'rel="prev"' in page
    assert 'rel="next"' in page
    assert 'id="step-120"' in client.get("/ui/rooms/trajectory?id=long&start=99999").text


def test_hostile_text_stays_text(client: TestClient) -> None:
    create(client, "rooms", hostile(), trajectory("one"))
    one = client.get(f"/ui/rooms/trajectory?id={quote(ODD_ID, safe='')}")
    some = client.get(f"{BROWSE}?q={quote(HOSTILE)}&rollout={quote(HOSTILE)}")
    for page in (one, some, client.get(BROWSE)):
        assert page.status_code == 200
        assert_harmless(page.text)
    assert listed(some.text) == [quote(ODD_ID)]
    for address in re.findall(r'href="(/(?:ui|collections)/[^"#]+)"', one.text):
        assert client.get(unescape(address)).status_code == 200


def test_a_huge_observation_is_cut(client: TestClient) -> None:
    huge = [{"observation": "word " * 400_000, "action": "stop", "thought": "hm " * 400_000}]
    create(client, "rooms", trajectory("huge", steps=huge))
    page = client.get("/ui/rooms/trajectory?id=huge").text
    assert len(page) < 50_000
    assert "1,980,000 more characters" in page
