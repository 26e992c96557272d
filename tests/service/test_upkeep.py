"""What the service does of its own accord."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.running import create, finished, running, trajectory, until


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
