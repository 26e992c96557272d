"""kill -9 while a generation is built: the answer is the old one's or the new one's, before and after."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, TypeAlias

import httpx

from tests.faults.answers import asked, comparable
from tests.faults.oracle import Oracle
from tests.faults.records import document, lines, situations, trajectory
from tests.faults.rounds import moments, seeded
from tests.faults.serving import Serving, leftovers
from tests.faults.writing import Beside, Write, write_all

NAME = "forms"
RECORDS = 150
PAST_THE_END = 2.0
"""Kills come until this share of a reindex's length, which varies: some come just after the swap."""
TURNS: tuple[dict[str, Any], ...] = (
    {"observation_normalizer": "text", "documents_engine": "rank-bm25", "tokenizer": "words"},
    {"observation_normalizer": "verbatim", "documents_engine": "dense", "tokenizer": "minilm"},
)
"""Settings that are changed to and fro, so that the old generation's answers differ from the new one's."""

Expected: TypeAlias = list[list[bytes]]


def fill(serving: Serving, chance: random.Random) -> list[dict[str, Any]]:
    """A collection with records in it, never changed again; returns the requests to ask of it."""
    serving.create(NAME, **TURNS[0])
    records = [trajectory(chance, f"t{number}") for number in range(RECORDS)]
    for path, made in (
        ("trajectories", records),
        ("documents", [document(chance, f"d{number}") for number in range(100)]),
    ):
        answer = serving.post_lines(f"/collections/{NAME}/{path}", lines(made))
        assert answer.json()["accepted"] == len(made)
    return situations(NAME, chance.choice(records))


def reindex(serving: Serving, settings: Mapping[str, Any]) -> str:
    """Ask for a new generation, and wait for it; returns its job's id."""
    entered = serving.post(f"/collections/{NAME}/reindex", dict(settings))
    assert entered.status_code == 202, entered.text
    while True:
        job = serving.get(entered.headers["location"]).json()
        if job["state"] not in ("queued", "running"):
            assert job["state"] == "succeeded", job
            return str(job["id"])
        time.sleep(0.01)


def until_gone(serving: Serving, settings: Mapping[str, Any]) -> str | None:
    """As `reindex`, or None where the service went first."""
    try:
        return reindex(serving, settings)
    except httpx.TransportError:
        return None


def read_on(serving: Serving, request: dict[str, Any], allowed: list[bytes], enough: Event) -> int:
    """Ask the same thing until it is enough or the service is gone; each answer is the old or the new one."""
    count = 0
    with httpx.Client(timeout=60) as client:
        while not enough.is_set():
            try:
                answer = client.post(f"{serving.url}/retrieve", json=request)
            except httpx.TransportError:
                return count
            assert answer.status_code == 200, answer.text
            assert comparable(answer.json()) in allowed
            count += 1
    return count


def jobs_of(serving: Serving) -> list[dict[str, Any]]:
    """All reindexes there ever were."""
    found: list[dict[str, Any]] = serving.get("/jobs", limit=1000).json()["jobs"]
    return [job for job in found if job["collection"] == NAME]


def settled(serving: Serving) -> list[dict[str, Any]]:
    """All reindexes, when what was taken up again has ended."""
    while any(job["state"] in ("queued", "running") for job in jobs_of(serving)):
        time.sleep(0.02)
    return jobs_of(serving)


def check(
    serving: Serving, requests: list[dict[str, Any]], expected: Expected, served: str, turn: int, entered: int
) -> int:
    """What must hold after the restart; returns which settings are served: `turn`'s, or those before.

    A reindex that was entered is taken up again: then they are `turn`'s.
    """
    jobs = settled(serving)
    described = serving.get(f"/collections/{NAME}").json()
    serving.settle(NAME)
    found = turn if described["generation"] != served else 1 - turn
    assert asked(serving, requests) == expected[found]
    assert leftovers(serving.data) == []
    assert serving.faults() == ""
    assert {job["state"] for job in jobs} == {"succeeded"}
    assert {job["attempt"] for job in jobs} <= {1, 2}
    assert found == (turn if len(jobs) > entered else 1 - turn)
    kept = {one["id"] for one in described["generations"]}
    (home,) = {path.parent for path in serving.data.glob("collections/*/*") if path.name in kept}
    assert {path.name for path in home.iterdir()} == kept
    assert described["counts"]["trajectories"] == RECORDS
    return found


class Traffic:
    """What goes on beside: a reader who asks the same over and over, a writer in another collection."""

    def __init__(
        self, serving: Serving, request: dict[str, Any], allowed: list[bytes], notes: Oracle
    ) -> None:
        self._enough = Event()
        chance = random.Random(len(notes.standing))
        ids = [f"{len(notes.standing)}/{number}" for number in range(300)]
        writes = [Write(notes, [(id, trajectory(chance, id))], False) for id in ids]
        self._reader = Beside(lambda: read_on(serving, request, allowed, self._enough))
        self._writer = Beside(lambda: write_all(serving, writes))

    def end(self) -> tuple[int, int]:
        """How many reads and writes were answered."""
        self._enough.set()
        return self._reader.join(), self._writer.join()


def test_a_killed_reindex_leaves_the_old_generation_or_the_new_one(
    tmp_path: Path, embedder: str, kills: int
) -> None:
    chance = seeded(f"reindex with {embedder}")
    notes = Oracle("notes")
    with Serving(tmp_path / "data", embedder) as serving:
        requests = fill(serving, chance)
        serving.create("notes")
        expected: Expected = []
        for settings in TURNS:
            reindex(serving, settings)
            serving.settle(NAME)
            expected.append(asked(serving, requests))
        assert expected[0] != expected[1]
        allowed = [one[0] for one in expected]

        traffic = Traffic(serving, requests[0], allowed, notes)
        begun = time.monotonic()
        reindex(serving, TURNS[0])
        length = time.monotonic() - begun
        traffic.end()
        turn = 1
        for number, share in enumerate(moments(chance, kills)):
            served = serving.get(f"/collections/{NAME}").json()["generation"]
            entered = len(jobs_of(serving))
            moment = PAST_THE_END * share * length
            traffic = Traffic(serving, requests[0], allowed, notes)
            job = Beside(partial(until_gone, serving, TURNS[turn]))
            time.sleep(moment)
            serving.kill()
            reads, writes = traffic.end()
            serving.restart()
            found = check(serving, requests, expected, served, turn, entered)
            assert job.join() is None or found == turn
            notes.check(serving)
            print(
                f"{number}: killed after {moment:.3f} of {length:.3f} s, {reads} reads, {writes} writes; "
                f"serves the {'new' if found == turn else 'old'} generation"
            )
            turn = 1 - found
