"""Reindexing as a job: entered, watched, cancelled, and what a crash leaves of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Unpack

import pytest
from starlette.testclient import TestClient

from indexing.building import Progress, silent
from indexing.embedder import HashingEmbedder, Vectors
from indexing.generations import Manifest
from indexing.learned import Learner
from indexing.library import Library
from indexing.records import JSON
from indexing.store.jobs import INTERRUPTED, Job, JobFields, JobState
from service.job_runner import MOST_ATTEMPTS
from tests.service.running import create, finished, problem, reindexed, running, trajectory, until

JOB_FIELDS = {
    "id", "kind", "collection", "state", "request", "progress",
    "error", "attempt", "result", "created_at", "started_at", "finished_at",
}  # fmt: skip


class GatedEmbedder(HashingEmbedder):
    """Embeds only while its gate is open."""

    def __init__(self) -> None:
        super().__init__(64)
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False
        self.texts = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        assert self.gate.wait(30)
        if self.broken:
            raise ZeroDivisionError("broken on purpose")
        self.texts += len(texts)
        return super().encode(texts)


@pytest.fixture
def embedder() -> GatedEmbedder:
    return GatedEmbedder()


@pytest.fixture
def gated(tmp_path: Path, embedder: GatedEmbedder) -> Iterator[TestClient]:
    """A collection of 600 texts whose next reindex waits at the gate, since another embedder is asked for."""
    other = iter(range(1_000_000))

    def load(name: str) -> GatedEmbedder:
        embedder.fingerprint = f"{name}-{next(other)}"
        return embedder

    with Library(tmp_path, load) as library, running(tmp_path, library) as client:
        create(client, "rooms", *(trajectory(f"r{number}", number) for number in range(300)))
        create(client, "others", trajectory("a"))
        embedder.gate.clear()
        yield client
        embedder.gate.set()


def start(client: TestClient, name: str = "rooms", embedder: str = "hashing-128") -> str:
    answer = client.post(f"/collections/{name}/reindex", json={"embedder": embedder})
    assert answer.status_code == 202
    job = answer.json()
    assert job.keys() == JOB_FIELDS
    assert answer.headers["location"] == f"/jobs/{job['id']}"
    return str(job["id"])


def test_a_reindex_is_a_job_that_ends_in_a_new_generation(client: TestClient) -> None:
    create(client, "rooms", trajectory("a"), trajectory("b"))
    job = reindexed(client)
    assert job.keys() == JOB_FIELDS
    assert (job["kind"], job["collection"], job["error"], job["request"]) == ("reindex", "rooms", None, {})
    assert job["progress"] == {"stage": "checking", "done": 1, "total": 1, "rate": None, "seconds_left": None}
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]
    assert client.get("/collections/rooms").json()["counts"]["delta"] == 0
    second = reindexed(client)
    assert [one["id"] for one in client.get("/jobs").json()["jobs"]] == [second["id"], job["id"]]
    assert [one["id"] for one in client.get("/jobs?limit=1").json()["jobs"]] == [second["id"]]
    told = problem(client.post(f"/jobs/{job['id']}/cancel"), "conflict", 409)
    assert told["detail"] == f"job {job['id']} has succeeded already"
    problem(client.get("/jobs/none"), "not-found", 404)
    problem(client.post("/jobs/none/cancel"), "not-found", 404)
    problem(client.get("/jobs?limit=0"), "invalid-input", 422)


def test_progress_is_told_and_a_second_reindex_waits_its_turn(
    gated: TestClient, embedder: GatedEmbedder
) -> None:
    first = start(gated)
    until(lambda: gated.get(f"/jobs/{first}").json()["progress"]["stage"] == "embedding")
    running_job = gated.get(f"/jobs/{first}").json()
    assert (running_job["state"], running_job["progress"]["total"]) == ("running", 600)
    assert first in problem(gated.post("/collections/rooms/reindex"), "conflict", 409)["detail"]
    queued = start(gated, "others")
    assert gated.get(f"/jobs/{queued}").json()["state"] == "queued"
    question = {"collection": "rooms", "observation": "Room 3 is free on Monday", "strategy": "observation"}
    assert gated.post("/retrieve", json=question).json()["demonstrations"][0]["id"] == "r3"
    embedder.gate.set()
    assert finished(gated, first)["state"] == "succeeded"
    assert finished(gated, queued)["state"] == "succeeded"


def test_a_cancelled_job_changes_nothing(gated: TestClient, embedder: GatedEmbedder) -> None:
    id = start(gated)
    queued = start(gated, "others")
    until(lambda: gated.get(f"/jobs/{id}").json()["progress"]["stage"] == "embedding")
    assert gated.post(f"/jobs/{queued}/cancel").json()["state"] == "cancelled"
    threading.Timer(0.2, embedder.gate.set).start()
    assert gated.post(f"/jobs/{id}/cancel").json()["state"] in ("running", "cancelled")
    assert finished(gated, id)["state"] == "cancelled"
    again = gated.post(f"/jobs/{id}/cancel")
    assert (again.status_code, again.json()) == (200, gated.get(f"/jobs/{id}").json())
    described = gated.get("/collections/rooms").json()
    assert (described["generation"], described["generations"]) == (None, [])
    assert described["settings"]["embedder"] == "hashing-64"
    assert finished(gated, start(gated))["state"] == "succeeded"
    assert gated.get(f"/jobs/{queued}").json()["state"] == "cancelled"


def test_a_job_that_fails_says_so_and_the_next_one_runs(gated: TestClient, embedder: GatedEmbedder) -> None:
    embedder.broken = True
    embedder.gate.set()
    job = finished(gated, start(gated))
    assert job["state"] == "failed"
    assert "broken on purpose" in job["error"]
    embedder.broken = False
    assert finished(gated, start(gated, embedder="hashing-32"))["state"] == "succeeded"


class FaultyLibrary(Library):
    """A library with a fault that nobody thought of."""

    def reindex(
        self,
        name: str,  # noqa: ARG002
        changes: Mapping[str, JSON] | None = None,  # noqa: ARG002
        progress: Progress = silent,  # noqa: ARG002
        learner: Learner | None = None,  # noqa: ARG002
    ) -> Manifest:
        raise KeyError("secret observation")


def test_an_unexpected_fault_is_logged_and_ends_only_its_job(tmp_path: Path) -> None:
    with FaultyLibrary(tmp_path) as library, running(tmp_path, library) as client:
        create(client)
        for _ in range(2):
            job = finished(client, client.post("/collections/rooms/reindex").json()["id"])
            assert job["error"] == "unexpected KeyError; it is in the service's log"


def test_a_job_of_a_removed_collection_fails(gated: TestClient, embedder: GatedEmbedder) -> None:
    start(gated, "others")
    queued = start(gated, "rooms")
    assert gated.delete("/collections/rooms").status_code == 204
    embedder.gate.set()
    job = finished(gated, queued)
    assert job["state"] == "failed"
    assert "rooms" in job["error"]


def test_what_a_dead_process_left_is_taken_up_at_the_start_but_not_without_end(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        create(client, "rooms", trajectory("a"))
    with Library(tmp_path) as library:
        now = time.time()
        library.jobs.add(Job("left", "reindex", "rooms", now, "running", attempt=1))
        library.jobs.add(Job("often", "reindex", "rooms", now, "running", attempt=MOST_ATTEMPTS))
        library.jobs.add(Job("gone", "reindex", "removed", now, "queued"))
    with running(tmp_path) as client:
        left = finished(client, "left")
        assert (left["state"], left["attempt"]) == ("succeeded", 2)
        assert client.get("/collections/rooms").json()["generation"]
        often = client.get("/jobs/often").json()
        assert (often["state"], often["error"]) == ("failed", INTERRUPTED)
        assert "removed" in finished(client, "gone")["error"]


def test_a_process_that_starts_beside_another_leaves_its_jobs_alone(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        create(client, "rooms", trajectory("a"))
        with Library(tmp_path) as library:
            library.jobs.add(Job("theirs", "reindex", "rooms", time.time(), "running", attempt=1))
        with running(tmp_path) as other:
            told = problem(other.post("/jobs/theirs/cancel"), "conflict", 409)
            assert told["detail"] == "job theirs is running in another process; only that one can cancel it"
            assert other.get("/jobs/theirs").json()["attempt"] == 1
    with running(tmp_path) as client:
        assert finished(client, "theirs")["state"] == "succeeded"


def test_a_job_goes_on_after_a_stop_and_embeds_nothing_twice(
    tmp_path: Path, gated: TestClient, embedder: GatedEmbedder
) -> None:
    id = start(gated)
    until(lambda: gated.get(f"/jobs/{id}").json()["progress"]["stage"] == "embedding")
    threading.Timer(0.2, embedder.gate.set).start()
    gated.app.state.service.jobs.close()  # type: ignore[attr-defined]
    stopped = gated.get(f"/jobs/{id}").json()
    assert (stopped["state"], stopped["attempt"], stopped["error"]) == ("queued", 0, None)
    done = stopped["progress"]["done"]
    embedder.texts = 0
    with Library(tmp_path, lambda _: embedder) as library, running(tmp_path, library) as client:
        job = finished(client, id)
        assert (job["state"], job["attempt"], job["request"]) == ("succeeded", 1, {"embedder": "hashing-128"})
    assert embedder.texts <= 600 - done + 256


def test_a_dry_run_compares_and_changes_nothing(client: TestClient) -> None:
    create(client, "rooms", *(trajectory(f"r{number}", number % 4) for number in range(12)))
    reindexed(client)
    before = client.get("/collections/rooms").json()
    answer = client.post(
        "/collections/rooms/reindex", json={"dry_run": True, "observation_normalizer": "verbatim"}
    )
    assert answer.status_code == 202
    job = finished(client, answer.json()["id"])
    assert (job["state"], job["error"]) == ("succeeded", None)
    assert job["request"] == {"dry_run": True, "observation_normalizer": "verbatim"}
    found = job["result"]
    assert (found["served"], found["situations"]) == (False, 12)
    assert found["counts"]["trajectories"] == 12
    assert set(found["overlap"]) == {"1", "5", "10"}
    assert found["milliseconds"]["old"]["p50"] > 0
    assert client.get("/collections/rooms").json() == before
    assert reindexed(client, dry_run=False)["result"] is None
    problem(client.post("/collections/rooms/reindex", json={"dry_run": 1}), "invalid-input", 422)
    problem(client.put("/collections/rooms", json={"dry_run": True}), "invalid-input", 422)


def test_whoever_reads_that_a_job_is_finished_may_ask_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library(tmp_path) as library, running(tmp_path, library) as client:
        create(client, "rooms", trajectory("a"))
        update, answers = library.jobs.update, list[int]()

        def read_at_once(
            id: str, expected: tuple[JobState, ...] | None = None, **fields: Unpack[JobFields]
        ) -> None:
            update(id, expected, **fields)
            if fields.get("state") == "succeeded" and not answers:
                answers.append(client.post("/collections/rooms/reindex").status_code)

        monkeypatch.setattr(library.jobs, "update", read_at_once)
        reindexed(client, "rooms")
        until(lambda: bool(answers))
        until(lambda: [job["state"] for job in client.get("/jobs").json()["jobs"]] == ["succeeded"] * 2)
    assert answers == [202]
