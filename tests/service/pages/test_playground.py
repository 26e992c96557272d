"""The playground, as a browser without a screen would get it."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from service.pages.playground import steps_around
from service.pages.situation import EDITABLE, SHAREABLE
from tests.service.pages.hostile import HOSTILE, ODD_ID, assert_harmless, field, hostile
from tests.service.running import create, trajectory

ASK = "/ui/rooms/ask"
SITUATION = {"instruction": "Book a room", "observation": "Room 2 is free on Monday"}


def columns(page: str) -> list[str]:
    return re.findall(r'<h3 id="by-(\w+)">', page)


def test_the_form_begins_in_the_middle_of_a_stored_episode(client: TestClient) -> None:
    create(client, "rooms", trajectory("one", 1))
    page = client.get(ASK).text
    assert field(page, "instruction") == "Book room 1 for Monday"
    assert field(page, "observation") == "Room 1 is free on Monday"
    assert "the episode’s 1 step before" in page
    assert columns(page) == []


def test_an_empty_collection_has_an_empty_form(client: TestClient) -> None:
    create(client, "rooms")
    page = client.get(ASK).text
    assert field(page, "observation") == ""
    answer = client.post(ASK, data={"instruction": "Book a room"})
    assert "Nothing here matches" in answer.text


def test_a_stored_episode_is_walked_through_step_by_step(client: TestClient) -> None:
    create(client, "rooms", trajectory("one", 1), trajectory("two", 2))
    first = client.get(f"{ASK}?trajectory=one&step=0&strategy=agentic&k=3").text
    assert "Step 1 of 2" in first
    assert 'rel="prev"' not in first
    on = re.search(r'rel="next" href="([^"]+)"', first)
    assert on is not None
    assert unescape(on[1]) == f"{ASK}?trajectory=one&step=1&strategy=agentic&k=3"
    last = client.get(unescape(on[1])).text
    assert 'rel="next"' not in last
    assert "Step 2 of 2" in client.get(f"{ASK}?trajectory=one&step=99").text
    assert columns(last) == ["agentic"]
    assert len(re.findall("<article", last)) == 1, "the episode itself is left out"
    assert "<code>two</code></a>" in last


def test_strategies_stand_side_by_side(client: TestClient) -> None:
    create(client, "rooms", *(trajectory(f"t{number}", number) for number in range(5)))
    assert columns(client.get(f"{ASK}?trajectory=t1&step=1").text) == ["agentic", "instruction"]
    chosen = "&".join(f"strategy={one}" for one in ("paper", "observation", "model", "documents", "random"))
    page = client.get(f"{ASK}?trajectory=t1&step=1&{chosen}").text
    assert columns(page) == ["paper", "observation", "model", "documents", "random"]
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert re.findall(r'value="(\w+)" checked>', page) == [
        "paper",
        "observation",
        "model",
        "documents",
        "random",
    ]


def test_what_the_episode_did_is_found_in_the_answers(client: TestClient) -> None:
    other = [{"observation": "Room 1 is free on Monday", "action": "leave"}]
    create(client, "rooms", trajectory("one", 1), trajectory("two", 1), trajectory("x", steps=other))
    page = client.get(f"{ASK}?trajectory=one&step=1&strategy=observation").text
    assert re.search(r'<span class="outcome success">rank [12]</span>', page)
    assert page.count("✓ as in the episode") == 1
    edited = client.get(f"{ASK}?trajectory=one&step=1&strategy=observation&observation=Room+1").text
    assert "✓ as in the episode" not in edited
    assert "no longer what was stored" in edited


def test_the_matched_step_is_compared_with_what_is_seen_now(client: TestClient) -> None:
    there = [{"observation": "Rooms:\n- room 7 is free\n- room 8 is taken", "action": "click [7]"}]
    create(client, "rooms", trajectory("one", steps=there))
    now = "Rooms:\n- room 9 is free\n- room 8 is taken"
    page = client.get(f"{ASK}?strategy=observation&observation={quote(now)}").text
    flat = re.sub(r"<span class=\"[a-z]+\"[^>]*>[^<]*</span>", "", page)
    assert "<del>- room <mark>7</mark> is free</del>" in flat
    assert "<ins>- room <mark>9</mark> is free</ins>" in flat
    assert '<div class="row">- room 8 is taken</div>' in flat
    assert '<span class="unseen">Only there: </span>' in page
    assert '<span class="unseen">Only now: </span>' in page


def test_the_form_asks_what_an_agent_would_ask(client: TestClient) -> None:
    create(client, "rooms", trajectory("one", 1), trajectory("two", 2))
    page = client.post(ASK, data={**SITUATION, "strategy": "observation", "tokens": "900", "k": "4"})
    assert page.url.query.decode() == (
        "instruction=Book+a+room&observation=Room+2+is+free+on+Monday&strategy=observation&k=4&tokens=900"
    )
    assert '<span class="kind exact">exact</span>' in page.text
    assert "the same observation, letter for letter" in page.text
    assert "Step 2 of 2 (like the present situation)" in page.text
    assert '"tokens": 900' in unescape(page.text)
    assert client.get(str(page.url)).text.count("<article") == page.text.count("<article")


def test_the_same_situation_asked_otherwise_keeps_its_short_address(client: TestClient) -> None:
    seen = "\nRooms:\n- one\r\n- two\n"
    create(client, "rooms", trajectory("one", steps=[{"observation": seen, "action": "a"}] * 3))
    page = client.get(f"{ASK}?trajectory=one&step=1").text
    assert field(page, "observation") == seen
    typed = seen.replace("\r\n", "\n").replace("\n", "\r\n")
    sent = {"trajectory": "one", "step": "1", "observation": typed, "exclude": "one", "strategy": "paper"}
    sent |= {"instruction": "Book room 0 for Monday", "history": "", "k": ""}
    asked = client.post(ASK, data=sent)
    assert asked.url.query.decode() == "trajectory=one&step=1&strategy=paper"
    other = client.post(ASK, data={**sent, "exclude": "", "history": "[]", "observation": "Rooms"})
    assert other.url.query.decode() == (
        "trajectory=one&step=1&observation=Rooms&history=%5B%5D&strategy=paper&exclude="
    )
    assert '"history":' not in unescape(other.text)


def test_a_long_text_is_answered_without_being_put_into_the_address(client: TestClient) -> None:
    create(client, "rooms", trajectory("one", 1))
    asked = client.post(ASK, data={"observation": "Room 1 is free " * SHAREABLE, "strategy": "observation"})
    assert asked.url.query == b""
    assert columns(asked.text) == ["observation"]


def test_a_filter_and_a_trajectory_to_leave_out_are_part_of_the_question(client: TestClient) -> None:
    create(
        client,
        "rooms",
        *(trajectory(f"t{number}", number, metadata={"floor": number}) for number in range(6)),
    )
    asked = {**SITUATION, "strategy": "observation", "filter": '{"floor": {"gte": 3}}', "exclude": "t4"}
    page = client.post(ASK, data=asked).text
    assert sorted(set(re.findall(r"<code>(t\d)</code>", page))) == ["t3", "t5"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"instruction": ""}, "instruction or observation is needed"),
        ({"instruction": "x", "tokens": "many"}, "limits.tokens"),
        ({"instruction": "x", "tokens": "9" * 500}, "limits.tokens"),
        ({"instruction": "x", "k": "-1"}, "limits.total"),
        ({"instruction": "x", "strategy": "best"}, "strategy"),
        ({"instruction": "x", "history": "[{"}, "history"),
        ({"instruction": "x", "history": '[{"observation": 1}]'}, "history.0.observation"),
        ({"instruction": "x", "filter": "{"}, "filter"),
        ({"instruction": "x", "filter": "[1]"}, "filter"),
        ({"instruction": "x", "filter": '{"a": {"gte": true}}'}, "filter.a"),
        ({"instruction": "a\x00b"}, "NUL"),
    ],
)
def test_what_cannot_be_asked_is_told_beside_the_form(
    client: TestClient, given: dict[str, str], told: str
) -> None:
    create(client, "rooms", trajectory("one"))
    page = client.post(ASK, data=given)
    assert page.status_code == 422
    assert told in unescape(page.text)
    assert 'role="alert"' in page.text
    assert field(page.text, "instruction").replace("⟨U+0000⟩", "\x00") == given["instruction"]


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"\xff\xfe", "application/x-www-form-urlencoded", 200),
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
    page = client.post(ASK, content=body, headers={"content-type": media})
    assert (page.status_code, page.headers["content-type"][:9]) == (status, "text/html")


def test_hostile_text_stays_text(client: TestClient) -> None:
    create(client, "rooms", hostile(), trajectory("one"))
    address = f"{ASK}?trajectory={quote(ODD_ID, safe='')}&step=1"
    asked = client.post(
        ASK, data={"instruction": HOSTILE, "observation": f"{HOSTILE}!", "exclude": '"><b>', "filter": "<b>"}
    )
    other = client.post(ASK, data={"instruction": HOSTILE, "observation": f"{HOSTILE}!"})
    for page in (client.get(address), client.get(ASK), asked, other):
        assert page.status_code == (422 if page is asked else 200)
        assert_harmless(page.text)
    assert field(client.get(address).text, "observation") == HOSTILE
    assert f"trajectory?id={quote(ODD_ID)}" in other.text


def test_an_endless_observation_is_asked_about_but_not_edited(client: TestClient) -> None:
    endless = "Rooms and more rooms " * (EDITABLE // 20)
    create(
        client,
        "rooms",
        *(trajectory(f"t{n}", steps=[{"observation": endless, "action": "a"}]) for n in (1, 2)),
    )
    page = client.get(f"{ASK}?trajectory=t1&step=0&strategy=observation&tokens=1000000").text
    assert "Too long to be edited here" in page
    assert 'name="observation"' not in page
    assert '<span class="kind exact">' in page
    assert len(page) < 3 * EDITABLE
    again = client.post(ASK, data={"trajectory": "t1", "step": "0", "strategy": "observation"})
    assert '<span class="kind exact">' in again.text


def test_steps_far_away_are_left_out_of_the_walk() -> None:
    assert steps_around(0, 1) == [0]
    assert steps_around(1, 3) == [0, 1, 2]
    assert steps_around(50, 100) == [0, None, *range(41, 60), None, 99]
