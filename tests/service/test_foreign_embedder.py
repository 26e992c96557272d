"""A collection whose embedder isn't the one that is here: refused with words until it is reindexed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from indexing.embedder import Embedder, HashingEmbedder
from indexing.errors import InvalidInput
from indexing.library import Library
from service import readiness
from tests.service.running import (
    create,
    document,
    finished,
    lines,
    problem,
    running,
    trajectory,
    until,
    upsert,
)
from tests.support.shell import FAST, Shell, answer, lines_of, one_line, shell_on
from tests.support.shell import trajectory as filled_form

QUESTION = {"collection": "rooms", "observation": "Room 3 is free on Monday", "strategy": "observation"}


def rebuilt(name: str) -> Embedder:
    """Every embedder is another build than it was."""
    found = HashingEmbedder(int(name.removeprefix("hashing-")))
    found.fingerprint += "-rebuilt"
    return found


def gone(name: str) -> Embedder:
    """The one embedder isn't installed any more."""
    if name == "hashing-64":
        raise InvalidInput(f"embedder {name!r} can't be loaded", "embedder")
    return HashingEmbedder(int(name.removeprefix("hashing-")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with running(tmp_path) as client:
        create(client, "rooms", *(trajectory(f"r{number}", number) for number in range(6)))
        assert client.post("/collections/rooms/reindex").status_code == 202
        until(lambda: client.get("/collections/rooms").json()["generation"] is not None)
    return tmp_path


def reindexed(client: TestClient, **settings: Any) -> None:
    answer = client.post("/collections/rooms/reindex", json=settings)
    assert finished(client, answer.json()["id"])["state"] == "succeeded"


def test_once_it_is_reindexed_or_removed_the_service_is_ready(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "PROBED_EVERY_S", 0.0)
    for repair in (reindexed, lambda client: client.delete("/collections/rooms")):
        with Library(folder) as before:
            before.reindex("rooms")
        with Library(folder, rebuilt) as library, TestClient(_app(folder, library)) as client:
            until(lambda: "precedent reindex rooms" in client.get("/health/ready").json()["detail"])
            problem(client.get("/health/ready"), "not-ready", 503)
            repair(client)
            until(lambda: client.get("/health/ready").status_code == 200)


@pytest.mark.parametrize("load", [rebuilt, gone])
def test_over_http_it_is_a_problem_of_its_own_and_a_reindex_repairs_it(
    folder: Path, load: Callable[[str], Embedder]
) -> None:
    with Library(folder, load) as library, TestClient(_app(folder, library)) as client:
        until(lambda: client.post("/retrieve", json=QUESTION).status_code != 503)
        detail = problem(client.post("/retrieve", json=QUESTION), "embedder-mismatch", 409)["detail"]
        assert "precedent reindex rooms" in detail
        described = client.get("/collections/rooms").json()
        assert (described["counts"]["trajectories"], described["counts"]["delta"]) == (6, None)
        written = client.post(
            "/collections/rooms/documents",
            content=lines(document("d")),
            headers={"content-type": "application/x-ndjson"},
        )
        assert written.json()["accepted"] == 1
        assert client.get("/collections/rooms/trajectories/r3").status_code == 200
        assert client.delete("/collections/rooms/trajectories/r5").status_code == 204
        reindexed(client, embedder="hashing-32")
        found = client.post("/retrieve", json=QUESTION).json()["demonstrations"]
        assert found[0]["id"] == "r3"
        assert "r5" not in [one["id"] for one in found]
        assert upsert(client, "rooms", lines(trajectory("after", 9)))["accepted"] == 1


def _app(folder: Path, library: Library) -> Any:
    from service.app import create_app
    from tests.service.running import settings_for

    return create_app(settings_for(folder), library)


def test_other_collections_go_on(folder: Path) -> None:
    with Library(folder, gone) as library, TestClient(_app(folder, library)) as client:
        assert client.put("/collections/others", json={"embedder": "hashing-32"}).status_code == 201
        upsert(client, "others", lines(trajectory("a", 3)))
        asked = QUESTION | {"collection": "others"}
        assert client.post("/retrieve", json=asked).json()["demonstrations"][0]["id"] == "a"
        problem(client.post("/retrieve", json=QUESTION), "embedder-mismatch", 409)


def test_in_the_shell_it_is_one_line_and_a_reindex_repairs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell: Shell = shell_on(tmp_path / "data")
    records = tmp_path / "records.ndjson"
    records.write_bytes(lines_of(*map(filled_form, range(4))))
    shell("ingest", records, "-c", "forms", *FAST)
    question = ("retrieve", "-c", "forms", "--observation", "Page 2: sent")
    before = answer(shell(*question))
    monkeypatch.setattr(HashingEmbedder, "__init__", _rebuilt_init)
    told = one_line(shell(*question, code=1))
    assert "indexed with another build of hashing-64; run: precedent reindex forms" in told
    assert answer(shell("status", "--json"))["collections"][0]["trajectories"] == 4
    shell("reindex", "forms")
    after = answer(shell(*question))
    assert [one["id"] for one in after["demonstrations"]] == [one["id"] for one in before["demonstrations"]]


def _rebuilt_init(self: HashingEmbedder, dimension: int = 256) -> None:
    self.name, self.dimension = f"hashing-{dimension}", dimension
    self.fingerprint = f"hashing-{dimension}-v2"
