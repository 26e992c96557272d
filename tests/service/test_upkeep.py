"""What the service does of its own accord."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexing.embedder import HashingEmbedder, Vectors
from indexing.library import Library
from tests.service.running import create, finished, running, trajectory, until
from tests.service.telemetry.exposed import families, value


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
