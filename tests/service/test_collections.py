from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from indexing.embedder import HashingEmbedder
from indexing.library import Library
from indexing.settings import CollectionSettings
from tests.service.running import (
    EMBEDDER,
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


def test_a_collection_is_created_changed_described_and_removed(client: TestClient) -> None:
    created = client.put("/collections/rooms", json={"embedder": EMBEDDER})
    assert created.status_code == 201
    assert created.json()["settings"]["observation_normalizer"] == "text"
    changed = client.put("/collections/rooms", json={"environment": "a hotel"})
    assert changed.status_code == 200
    assert changed.json()["settings"] == created.json()["settings"] | {"environment": "a hotel"}
    upsert(client, "rooms", lines(trajectory("a"), trajectory("b")))
    upsert(client, "rooms", lines(document("a")), "documents")
    described = client.get("/collections/rooms").json()
    assert described["counts"] == {"trajectories": 2, "documents": 1, "delta": 3}
    assert (described["generation"], described["generations"], described["sequence"]) == (None, [], 3)
    assert client.get("/collections").json() == {"collections": [described]}
    assert client.delete("/collections/rooms").status_code == 204
    problem(client.get("/collections/rooms"), "not-found", 404)
    problem(client.delete("/collections/rooms"), "not-found", 404)
    assert client.get("/collections").json() == {"collections": []}


def test_every_setting_has_a_default(tmp_path: Path) -> None:
    with Library(tmp_path, lambda _: HashingEmbedder(64)) as library, running(tmp_path, library) as client:
        for name, body in ("a", b""), ("b", b"{}"), ("c", b"null"):
            answer = client.put(f"/collections/{name}", content=body, headers=JSON_BODY if body else {})
            assert answer.status_code == 201
            assert answer.json()["settings"]["embedder"] == "all-MiniLM-L6-v2"


@pytest.mark.parametrize("name", ["Rooms", "-rooms", "a" * 65, "rooms.", "r%20s", "%C3%A9", "r%0A", "%00"])
def test_a_name_has_a_pattern(client: TestClient, name: str) -> None:
    assert problem(client.put(f"/collections/{name}", json={}), "invalid-input", 422)["field"] == "collection"
    problem(client.get(f"/collections/{name}"), "not-found", 404)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"embeder": EMBEDDER}, "embeder"),
        ({"embedder": "someone/large-model"}, "embedder"),
        ({"embedder": "hashing-²"}, "embedder"),
        ({"embedder": "hashing-9999"}, "embedder"),
        ({"embedder": 5}, "embedder"),
        ({"tokenizer": "/etc/passwd"}, "tokenizer"),
        ({"observation_normalizer": "nonsense"}, "observation_normalizer"),
        ({"observation_normalizer": {"masks": [{"pattern": "("}]}}, "observation_normalizer.masks.0.pattern"),
        ({"documents_engine": "guess"}, "documents_engine"),
        ({"environment": "\x00"}, "environment"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(client: TestClient, settings: Any, field: str) -> None:
    create(client, "rooms")
    for answer in (
        client.put("/collections/rooms", json=settings),
        client.put("/collections/fresh", json=settings),
    ):
        assert problem(answer, "invalid-input", 422)["field"].startswith(field)
    problem(client.get("/collections/fresh"), "not-found", 404)
    if settings != {"embedder": "hashing-9999"}:
        answer = client.post("/collections/rooms/reindex", json=settings)
        assert problem(answer, "invalid-input", 422)["field"].startswith(field)


def test_null_leaves_a_setting_as_it_is(client: TestClient) -> None:
    create(client)
    client.put("/collections/rooms", json={"environment": "a hotel", "observation_normalizer": "html"})
    answer = client.put("/collections/rooms", json={"environment": None, "observation_normalizer": None})
    assert answer.json()["settings"]["environment"] == "a hotel"
    assert answer.json()["settings"]["observation_normalizer"] == "html"
    job = reindexed(client, embedder=None, observation_normalizer=None)
    settings = client.get("/collections/rooms").json()["settings"]
    assert (job["state"], settings["observation_normalizer"]) == ("succeeded", "html")
    assert settings["embedder"] == answer.json()["settings"]["embedder"] != CollectionSettings().embedder


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"'])
def test_settings_are_an_object(client: TestClient, body: bytes) -> None:
    problem(client.put("/collections/rooms", content=body, headers=JSON_BODY), "invalid-input", 422)


def test_rollback_serves_the_generation_before(client: TestClient) -> None:
    create(client, "rooms", trajectory("a"))
    problem(client.post("/collections/rooms/rollback"), "conflict", 409)
    reindexed(client)
    first = client.get("/collections/rooms").json()["generation"]
    problem(client.post("/collections/rooms/rollback"), "conflict", 409)
    reindexed(client, observation_normalizer="html")
    described = client.get("/collections/rooms").json()
    assert described["settings"]["observation_normalizer"] == "html"
    assert described["generation"] != first
    assert [one["id"] for one in described["generations"]] == [described["generation"], first]
    assert client.post("/collections/rooms/rollback").json() == {"generation": first}
    assert client.get("/collections/rooms").json()["generation"] == first
    answer = client.post("/retrieve", json={"collection": "rooms", "instruction": "Book room 0"}).json()
    assert (answer["generation"], answer["demonstrations"][0]["id"]) == (first, "a")


def test_a_rollback_onto_a_damaged_generation_changes_nothing(client: TestClient, tmp_path: Path) -> None:
    create(client, "rooms", trajectory("a"))
    reindexed(client)
    first = client.get("/collections/rooms").json()["generation"]
    reindexed(client, observation_normalizer="html")
    described = client.get("/collections/rooms").json()
    next(tmp_path.rglob(f"{first}/*.npy")).write_bytes(b"")
    told = problem(client.post("/collections/rooms/rollback"), "corrupt-generation", 503)["detail"]
    assert first in told
    assert "the served one stays" in told
    assert "--set observation_normalizer=text" in told
    assert client.get("/collections/rooms").json() == described


@pytest.mark.parametrize("call", ["reindex", "rollback", "trajectories", "documents"])
def test_a_collection_that_is_not_there_is_not_found(client: TestClient, call: str) -> None:
    problem(client.post(f"/collections/none/{call}", content=b"", headers=JSON_BODY), "not-found", 404)
    if call in ("trajectories", "documents"):
        problem(client.get(f"/collections/none/{call}"), "not-found", 404)
        problem(client.get(f"/collections/none/{call}/a"), "not-found", 404)
        problem(client.delete(f"/collections/none/{call}/a"), "not-found", 404)
