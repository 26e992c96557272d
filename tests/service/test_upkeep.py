"""What the service does of its own accord."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from indexing.embedder import HashingEmbedder, Vectors
from indexing.errors import CorruptGeneration
from indexing.library import Library
from service.job_runner import JobRunner
from service.old_and_new import try_out
from service.upkeep import Renewals
from tests.service.running import create, finished, running, trajectory, until
from tests.service.telemetry.exposed import families, value
from tests.support.collections import trajectory as recorded


def test_a_delta_that_outgrew_its_generation_becomes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexing.live.SMALL_DELTA", 4)
    monkeypatch.setattr("service.upkeep.LOOK_EVERY_S", 0.05)
    with running(tmp_path) as client:
        create(client, "rooms", *(trajectory(number=number) for number in range(5)))
        until(lambda: client.get("/collections/rooms").json()["counts"]["delta"] == 0)
        (job,) = client.get("/jobs").json()["jobs"]
        assert finished(client, job["id"])["state"] == "succeeded"
        assert client.get("/collections/rooms").json()["counts"]["trajectories"] == 5


def failed(library: Library, count: int) -> bool:
    return library.jobs.counts() == {"failed": count}


def test_a_reindex_that_fails_waits_longer_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise CorruptGeneration("what was built is wrong")

    monkeypatch.setattr("indexing.live.SMALL_DELTA", 4)
    clock = [1e6]
    with Library(tmp_path, lambda _: HashingEmbedder(64)) as library:
        library.create("forms", {"embedder": "hashing-64"})
        library.upsert("forms", "trajectory", [recorded(f"t{number}") for number in range(5)])
        library.wait("forms", 5)
        jobs = JobRunner(library, try_out)
        renewals = Renewals(library, jobs)
        monkeypatch.setattr(library, "reindex", failing)
        monkeypatch.setattr("service.upkeep.time", SimpleNamespace(monotonic=lambda: clock[0]))
        for count, pause in enumerate((10, 20, 40), 1):
            renewals.begin()
            until(partial(failed, library, count))
            for _ in range(3):
                renewals.begin()
                clock[0] += (pause - 1) / 3
            renewals.begin()
            assert failed(library, count)
            clock[0] += 2
        jobs.close()


class Sick(HashingEmbedder):
    """Embeds while it is well."""

    well = True

    def encode_query(self, text: str) -> Vectors:
        if not self.well:
            raise RuntimeError("out of memory")
        return super().encode_query(text)


def test_the_metrics_know_of_a_sick_embedder_without_anybody_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.upkeep.PROBE_EVERY_S", 0.02)
    monkeypatch.setattr("service.readiness.PROBED_EVERY_S", -1.0)
    embedder = Sick(64)
    with Library(tmp_path, lambda _: embedder) as library, running(tmp_path, library) as client:
        assert value(families(client), "precedent_ready") == 1
        embedder.well = False
        until(lambda: value(families(client), "precedent_ready") == 0)
        embedder.well = True
        until(lambda: value(families(client), "precedent_ready") == 1)
