from __future__ import annotations

import time

import pytest
from sqlalchemy import Engine

from indexing.errors import Conflict, NotFound
from indexing.store.jobs import INTERRUPTED, Job, JobState, JobStore, Progress


@pytest.fixture
def jobs(engine: Engine) -> JobStore:
    return JobStore(engine)


def job(
    id: str,
    created_at: float = 1.0,
    state: JobState = "queued",
    heartbeat_at: float | None = None,
    attempt: int = 0,
) -> Job:
    request = {"embedder": "größer"}
    return Job(id, "reindex", "web", created_at, state, request, heartbeat_at=heartbeat_at, attempt=attempt)


def test_a_job_is_read_as_it_was_entered(jobs: JobStore) -> None:
    jobs.add(job("a"))
    assert jobs.get("a") == job("a")
    assert jobs.get("b") is None
    bare = Job("c", "compact", None, 2.0)
    jobs.add(bare)
    assert jobs.get("c") == bare


def test_jobs_are_listed_newest_first(jobs: JobStore) -> None:
    for id, created_at in [("a", 1.0), ("b", 3.0), ("c", 2.0), ("d", 3.0)]:
        jobs.add(job(id, created_at))
    assert [found.id for found in jobs.list(3)] == ["d", "b", "c"]


def test_finished_jobs_are_forgotten_but_the_newest(jobs: JobStore) -> None:
    states: list[JobState] = ["failed", "queued", "succeeded", "running", "cancelled"]
    for at, state in enumerate(states):
        jobs.add(job(state, float(at), state))
    assert jobs.forget(2) == 2
    assert [found.id for found in jobs.list(9)] == ["cancelled", "running", "queued"]


def test_jobs_of_some_collections_are_listed_alone(jobs: JobStore) -> None:
    jobs.add(job("a", 1.0))
    jobs.add(Job("b", "reindex", "other", 2.0))
    jobs.add(Job("c", "compact", None, 3.0))
    assert [found.id for found in jobs.list(1, frozenset({"web", "none"}))] == ["a"]
    assert jobs.list(9, frozenset()) == []


def test_a_job_s_life(jobs: JobStore) -> None:
    jobs.add(job("a"))
    jobs.update("a", state="running", started_at=2.0, heartbeat_at=2.0)
    jobs.update("a", progress=Progress(3, 10, "embed"), heartbeat_at=3.0)
    jobs.update("a", state="failed", error="no room", finished_at=4.0)
    assert jobs.get("a") == Job(
        "a",
        "reindex",
        "web",
        1.0,
        "failed",
        {"embedder": "größer"},
        Progress(3, 10, "embed"),
        "no room",
        2.0,
        4.0,
        3.0,
    )


def test_a_worker_does_not_overwrite_a_cancellation(jobs: JobStore) -> None:
    jobs.add(job("a", state="running"))
    jobs.update("a", expected=("queued", "running"), state="cancelled")
    with pytest.raises(Conflict, match="job 'a' is cancelled"):
        jobs.update("a", expected=("running",), state="succeeded")
    found = jobs.get("a")
    assert found is not None
    assert found.state == "cancelled"


def test_a_job_that_is_not_there(jobs: JobStore) -> None:
    with pytest.raises(NotFound, match="no job 'a'"):
        jobs.update("a", state="running")


def test_what_a_dead_process_left_is_queued_again_but_not_without_end(jobs: JobStore) -> None:
    states: list[JobState] = ["queued", "running", "succeeded", "failed", "cancelled"]
    for number, state in enumerate(states):
        jobs.add(job(state, state=state, created_at=float(number), attempt=1))
    jobs.add(job("often", state="running", attempt=3))
    before = time.time()
    again, given_up = jobs.take_up(3)
    assert ([one.id for one in again], given_up) == (["queued", "running"], 1)
    assert again == [jobs.get("queued"), jobs.get("running")]
    assert {one.state for one in again} == {"queued"}
    often = jobs.get("often")
    assert often is not None
    assert (often.state, often.error) == ("failed", INTERRUPTED)
    assert often.finished_at is not None
    assert before <= often.finished_at <= time.time()
    for number, state in list(enumerate(states))[2:]:
        assert jobs.get(state) == job(state, state=state, created_at=float(number), attempt=1)


def test_a_job_with_a_sign_of_life_is_left_to_its_process(jobs: JobStore) -> None:
    jobs.add(job("created", created_at=5.0))
    jobs.add(job("silent", state="running", heartbeat_at=3.0))
    jobs.add(job("alive", state="running", heartbeat_at=9.0))
    assert [one.id for one in jobs.take_up(3, silent_since=4.0)[0]] == ["silent"]
    states = {found.id: found.state for found in jobs.list(9)}
    assert states == {"created": "queued", "silent": "queued", "alive": "running"}


def test_progress_attempts_and_result_are_kept_beside_each_other(jobs: JobStore) -> None:
    jobs.add(job("a"))
    jobs.update("a", attempt=2)
    jobs.update("a", progress=Progress(3, 4, "reading"))
    jobs.update("a", result={"overlap": {"1": 0.5}})
    found = jobs.get("a")
    assert found is not None
    assert (found.attempt, found.progress) == (2, Progress(3, 4, "reading"))
    assert found.result == {"overlap": {"1": 0.5}}
