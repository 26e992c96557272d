"""Reading and deleting records, whatever their ids are."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service.records import read_cursor, write_cursor
from tests.service.running import create, lines, problem, running, trajectory, upsert

URL = "/collections/rooms/trajectories"
IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=512)


@given(IDS)
def test_cursors_are_read_as_they_were_written(id: str) -> None:
    assert read_cursor(write_cursor(id)) == id
    assert quote(write_cursor(id), safe="=") == write_cursor(id)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with running(tmp_path_factory.mktemp("kept")) as client:
        create(client)
        yield client


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(IDS, st.text("./%?#&+ \n\\é", min_size=1, max_size=8)))
def test_every_id_can_be_read_and_deleted(kept: TestClient, id: str) -> None:
    upsert(kept, "rooms", lines(trajectory(id)))
    address = f"{URL}/{quote(id, safe='')}"
    if id in (".", ".."):
        address = f"{URL}/{id.replace('.', '%2E')}"
    assert kept.get(address).json() == trajectory(id)
    assert kept.delete(address).status_code == 204
    problem(kept.get(address), "not-found", 404)
    problem(kept.delete(address), "not-found", 404)


def test_pages_hold_every_record_once_in_a_stable_order(client: TestClient) -> None:
    ids = [f"{number:03}" for number in range(120)]
    create(client, "rooms", *(trajectory(id, number) for number, id in enumerate(reversed(ids))))
    for limit in 1000, 120, 119, 51, 7:
        found, cursor = [], None
        while True:
            query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = client.get(URL, params=query).json()
            assert len(page["trajectories"]) <= limit
            found += [record["id"] for record in page["trajectories"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == ids
    assert len(client.get(URL).json()["trajectories"]) == 100


def test_an_empty_parameter_is_none(client: TestClient) -> None:
    create(client, "rooms", trajectory("a"), trajectory("b", 2))
    asked = client.get(URL, params={"cursor": None, "limit": None})
    assert str(asked.request.url).endswith("?cursor=&limit=")
    assert len(asked.json()["trajectories"]) == 2
    assert client.get("/jobs", params={"limit": ""}).status_code == 200


@pytest.mark.parametrize("cursor", ["a", "????", "YQ", "YQ==\n", write_cursor("\x00"), "é"])
def test_a_cursor_that_is_none_is_refused(kept: TestClient, cursor: str) -> None:
    assert problem(kept.get(URL, params={"cursor": cursor}), "invalid-input", 422)["field"] == "cursor"


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "1.5"])
def test_a_limit_that_is_none_is_refused(kept: TestClient, limit: str) -> None:
    assert problem(kept.get(URL, params={"limit": limit}), "invalid-input", 422)["field"] == "limit"


def test_a_wait_that_is_no_boolean_is_refused(client: TestClient) -> None:
    create(client)
    assert problem(client.delete(f"{URL}/a?wait=perhaps"), "invalid-input", 422)["field"] == "wait"


@pytest.mark.parametrize("id", ["", "%00", "%FF", "x" * 513, "%ED%A0%80"])
def test_what_can_be_no_id_is_not_found(kept: TestClient, id: str) -> None:
    problem(kept.get(f"{URL}/{id}"), "not-found", 404)
    problem(kept.delete(f"{URL}/{id}"), "not-found", 404)


def test_a_slash_in_a_collections_name_leads_nowhere_else(client: TestClient) -> None:
    create(client, "rooms", trajectory("trajectories/a"))
    problem(client.get("/collections/rooms%2Ftrajectories/trajectories/a"), "not-found", 404)


def test_a_deleted_record_never_comes_back(client: TestClient) -> None:
    create(client, "rooms", *(trajectory(f"r{number}", number) for number in range(5)))
    question = {"collection": "rooms", "observation": "Room 3 is free on Monday"}
    first = client.post("/retrieve", json=question).json()["demonstrations"][0]["id"]
    assert first == "r3"
    assert client.delete(f"{URL}/r3").status_code == 204
    for strategy in "agentic", "paper", "observation", "model", "instruction", "random":
        asked = question | {"instruction": "Book room 3", "strategy": strategy}
        found = client.post("/retrieve", json=asked).json()["demonstrations"]
        assert "r3" not in {one["id"] for one in found}
        assert found
    assert upsert(client, "rooms", lines(trajectory("r3", 3)))["accepted"] == 1
    assert client.post("/retrieve", json=question).json()["demonstrations"][0]["id"] == "r3"
