"""`POST /retrieve` as the contract has it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from indexing.errors import StorageFull
from indexing.library import Library
from service.responses import AnswerOut
from tests.service.running import (
    JSON_BODY,
    create,
    document,
    lines,
    problem,
    reindexed,
    running,
    trajectory,
    upsert,
)

STRATEGIES = ("agentic", "paper", "observation", "model", "instruction", "documents", "random")
QUESTION: dict[str, Any] = {
    "collection": "rooms",
    "instruction": "Book room 3 for Monday",
    "observation": "Room 3 is free on Monday",
    "history": [{"observation": "The list of rooms, page 3", "action": "click [room 3]"}],
}


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A collection that no test of this module changes."""
    records = [
        trajectory(f"r{number}", number, outcome={"success": number % 2 == 1}, metadata={"floor": number})
        for number in range(8)
    ]
    with running(tmp_path_factory.mktemp("rooms")) as client:
        create(client, "rooms", *records)
        upsert(client, "rooms", lines(*(document(f"d{number}", number) for number in range(3))), "documents")
        yield client


def ask(client: TestClient, **fields: Any) -> Any:
    answer = client.post("/retrieve", json=QUESTION | fields)
    assert answer.status_code == 200, answer.text
    AnswerOut.model_validate_json(answer.content, strict=True)
    return answer.json()


def ids(answer: Any) -> list[str]:
    return [one["id"] for one in answer["demonstrations"]]


def test_who_stood_here_before_and_what_they_did_next(rooms: TestClient) -> None:
    answer = ask(rooms)
    assert (answer["collection"], answer["generation"], answer["strategy"]) == ("rooms", "none", "agentic")
    first = answer["demonstrations"][0]
    assert (first["rank"], first["id"], first["next_action"]) == (1, "r3", "click [book]")
    assert first["match"] == {"kind": "exact", "step": 1, "score": 1.0}
    assert first["metadata"] == {"floor": 3}
    assert answer["queries"][0]["writer"] == "template"
    assert answer["degraded"] == []
    assert answer["prompt"] is None
    assert 0 < answer["tokens"] <= 4000


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_takes_the_same_request(rooms: TestClient, strategy: str) -> None:
    answer = ask(rooms, strategy=strategy, render="text")
    assert answer["strategy"] == strategy
    assert bool(answer["documents"]) == (strategy == "documents")
    assert bool(answer["demonstrations"]) == (strategy != "documents")
    assert isinstance(answer["prompt"], str)
    again = ask(rooms, strategy=strategy, render="text")
    assert answer | {"timings_ms": {}} == again | {"timings_ms": {}}


def test_null_equals_absent_everywhere(rooms: TestClient) -> None:
    fields = ("strategy", "queries", "limits", "deadline_ms", "filter", "exclude", "episode", "render")
    plain = ask(rooms)
    nulls = ask(rooms, **dict.fromkeys(fields))
    inner = ask(rooms, limits=dict.fromkeys(("observation", "model", "total", "documents", "tokens")))
    thoughts = ask(rooms, history=[QUESTION["history"][0] | {"thought": None}])
    for answer in plain, nulls, inner, thoughts:
        answer.pop("timings_ms")
    assert plain == nulls == inner == thoughts
    alone = {"collection": "rooms", "instruction": "Book room 3", "observation": None, "history": None}
    assert rooms.post("/retrieve", json=alone).status_code == 200


def test_limits_hold(rooms: TestClient) -> None:
    assert len(ask(rooms, limits={"total": 2})["demonstrations"]) == 2
    assert len(ask(rooms, strategy="documents", limits={"documents": 1})["documents"]) == 1
    assert ask(rooms, limits={"total": 3.0})["tokens"] > 0
    nothing = ask(rooms, limits={"tokens": 0})
    assert (nothing["demonstrations"], nothing["documents"], nothing["tokens"]) == ([], [], 0)
    assert ask(rooms, limits={"tokens": 60})["tokens"] <= 60


def test_filter_and_exclude(rooms: TestClient) -> None:
    assert set(ids(ask(rooms, filter={"outcome.success": True}))) <= {"r1", "r3", "r5", "r7"}
    assert set(ids(ask(rooms, filter={"floor": {"gte": 2, "lte": 3}}))) == {"r2", "r3"}
    assert set(ids(ask(rooms, filter={"floor": [1, 2]}))) == {"r1", "r2"}
    assert ids(ask(rooms, filter={"floor": 99})) == []
    assert "r3" not in ids(ask(rooms, exclude=["r3", "unheard of"]))


def test_the_agents_own_queries_replace_the_written_one(rooms: TestClient) -> None:
    answer = ask(rooms, strategy="model", queries=["Book room 5", " "])
    assert answer["queries"] == [{"text": "Book room 5", "writer": "agent"}]
    assert answer["demonstrations"][0]["id"] == "r5"


def test_nothing_is_shown_twice_in_an_episode(rooms: TestClient) -> None:
    first = ask(rooms, episode="e/1", limits={"total": 3})
    second = ask(rooms, episode="e/1", limits={"total": 3})
    assert set(ids(first)).isdisjoint(ids(second))
    assert "r3" in second["keep"]
    assert ids(ask(rooms, episode="another", limits={"total": 3})) == ids(first)
    assert ids(ask(rooms, limits={"total": 3})) == ids(first)


def test_of_requests_at_the_same_time_none_shows_what_another_does(rooms: TestClient) -> None:
    with ThreadPoolExecutor(4) as agents:
        asked = [agents.submit(ask, rooms, episode="hasty", limits={"total": 2}) for _ in range(4)]
        shown = [id for answer in asked for id in ids(answer.result())]
    assert len(shown) == len(set(shown)) > 4


def test_documents_that_are_still_the_best_are_kept_by_name(rooms: TestClient) -> None:
    how = {"strategy": "documents", "episode": "reader", "limits": {"documents": 1}}
    first, second = ask(rooms, **how), ask(rooms, **how)
    (best,) = (one["id"] for one in first["documents"])
    assert (first["keep"], second["keep"]) == ([], [best])
    assert best not in {one["id"] for one in second["documents"]}


def test_an_episode_survives_a_restart_and_is_forgotten_a_day_later(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        create(client, "rooms", *(trajectory(f"r{number}", number) for number in range(4)))
        first = ask(client, episode="e", limits={"total": 1})
    with running(tmp_path) as client:
        assert set(ids(first)).isdisjoint(ids(ask(client, episode="e", limits={"total": 1})))
    with Library(tmp_path) as library:
        assert library.episodes.forget(time.time() - 24 * 3600) == 0
        assert library.episodes.forget(time.time() + 1) == 1
    with running(tmp_path) as client:
        assert ids(ask(client, episode="e", limits={"total": 1})) == ids(first)


def test_a_full_disk_costs_the_episode_not_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageFull("no room on the disk")

    with Library(tmp_path) as library, running(tmp_path, library) as client:
        create(client, "rooms", trajectory("r3", 3))
        monkeypatch.setattr(library.episodes, "show", full)
        answer = ask(client, episode="e")
        assert (ids(answer), answer["degraded"]) == (["r3"], ["episode:not_kept"])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_restart_answers_with_the_same_bytes(tmp_path: Path, strategy: str) -> None:
    bodies = []
    with running(tmp_path) as client:
        create(client, "rooms", *(trajectory(f"r{number}", number) for number in range(12)))
        reindexed(client)
        upsert(client, "rooms", lines(*(trajectory(f"s{number}", number) for number in range(12))))
        client.delete("/collections/rooms/trajectories/r3")
        bodies.append(stable(client, strategy))
        bodies.append(stable(client, strategy))
    with running(tmp_path) as client:
        bodies.append(stable(client, strategy))
    assert len(set(bodies)) == 1


def stable(client: TestClient, strategy: str) -> bytes:
    body = client.post("/retrieve", json=QUESTION | {"strategy": strategy}).content
    return body[: body.rindex(b'"timings_ms"')]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"collection": None}, "collection"),
        ({"collection": "No Name"}, "collection"),
        ({"instruction": None, "observation": None}, "observation"),
        ({"instruction": " ", "observation": None}, "observation"),
        ({"instruction": 5}, "instruction"),
        ({"observation": "\x00"}, "observation"),
        ({"strategy": "best"}, "strategy"),
        ({"strategy": ""}, "strategy"),
        ({"limits": {"total": -1}}, "limits.total"),
        ({"limits": {"total": 1001}}, "limits.total"),
        ({"limits": {"total": 1.5}}, "limits.total"),
        ({"limits": {"total": True}}, "limits.total"),
        ({"limits": {"tokens": "9"}}, "limits.tokens"),
        ({"limits": {"totals": 9}}, "limits.totals"),
        ({"limits": []}, "limits"),
        ({"deadline_ms": 0}, "deadline_ms"),
        ({"deadline_ms": 10**30}, "deadline_ms"),
        ({"history": [{"observation": "x"}]}, "history.0.action"),
        ({"history": {}}, "history"),
        ({"queries": "one"}, "queries"),
        ({"queries": ["x"] * 33}, "queries"),
        ({"queries": [5]}, "queries.0"),
        ({"exclude": [None]}, "exclude.0"),
        ({"episode": ""}, "episode"),
        ({"episode": "e" * 513}, "episode"),
        ({"render": "html"}, "render"),
        ({"filter": []}, "filter"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_cannot_be_is_refused_with_the_fields_path(rooms: TestClient, fields: Any, field: str) -> None:
    assert problem(rooms.post("/retrieve", json=QUESTION | fields), "invalid-input", 422)["field"] == field


@pytest.mark.parametrize(
    "condition",
    [{}, {"gte": [1]}, {"between": 1}, {"gte": 1, "lte": "z"}, [[1]], [{}], {"gte": True}, ["x"] * 1001],
)
def test_a_filter_without_a_meaning_is_refused(rooms: TestClient, condition: Any) -> None:
    answer = rooms.post("/retrieve", json=QUESTION | {"filter": {"floor": condition}})
    assert problem(answer, "invalid-filter", 422)["field"] == "filter.floor"


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"instruction": "\\ud800"}', b"[" * 10_000])
def test_what_is_not_json_is_told(rooms: TestClient, body: bytes) -> None:
    problem(rooms.post("/retrieve", content=body, headers=JSON_BODY), "malformed", 400)


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b"", b'"x"'])
def test_the_request_is_an_object(rooms: TestClient, body: bytes) -> None:
    problem(rooms.post("/retrieve", content=body, headers=JSON_BODY), "invalid-input", 422)


def test_a_long_observation_is_read_and_a_longer_body_is_not(rooms: TestClient) -> None:
    assert ask(rooms, observation="page " * 200_000)["demonstrations"]
    too_long = rooms.post("/retrieve", json=QUESTION | {"observation": "x" * (16 << 20)})
    problem(too_long, "too-large", 413)


def test_an_empty_collection_answers_with_nothing(client: TestClient) -> None:
    create(client)
    for strategy in STRATEGIES:
        answer = ask(client, strategy=strategy, render="text")
        assert (answer["demonstrations"], answer["documents"], answer["tokens"]) == ([], [], 0)
    problem(client.post("/retrieve", json=QUESTION | {"collection": "none"}), "not-found", 404)


def test_a_model_that_nobody_answers_for_costs_nothing_but_the_name_of_it(tmp_path: Path) -> None:
    with running(tmp_path, model_name="absent", model_url="http://127.0.0.1:9/v1") as client:
        create(client, "rooms", trajectory("r3", 3))
        answer = ask(client, strategy="model")
        assert answer["degraded"] == ["query_writer:refused"]
        assert answer["queries"][0]["writer"] == "template"
        assert ids(answer) == ["r3"]


def test_an_episode_sees_no_document_twice_and_a_trajectory_of_the_same_id(client: TestClient) -> None:
    create(client, "rooms", trajectory("one"))
    upsert(client, "rooms", lines(document("one"), document("two", 1)), "documents")
    asked = {"collection": "rooms", "instruction": "Book a room on a floor", "episode": "walk"}
    plain = {**asked, "strategy": "documents", "limits": {"documents": 1}}
    first, second, third = (client.post("/retrieve", json=plain).json()["documents"] for _ in range(3))
    assert {first[0]["id"], second[0]["id"]} == {"one", "two"}
    assert third == []
    found = client.post("/retrieve", json={**asked, "strategy": "instruction"}).json()
    assert [one["id"] for one in found["demonstrations"]] == ["one"]
