"""Thousands of requests, a hundred swaps: as many files open and as much memory as after some of them."""

from __future__ import annotations

import itertools
import random
import time
from pathlib import Path

import pytest

from tests.faults.records import STRATEGIES, lines, situations, trajectory
from tests.faults.rounds import LEAKS, seeded
from tests.faults.serving import MIB, Serving
from tests.faults.test_kill_reindex import NAME, TURNS, reindex

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux tells so simply")

RECORDS = 120
MEMORY = 1.05
SETTLED_S = 4.0
FILES = 4
"""How many more may be open: a connection to the database here or there, as threads happen to meet."""


def open_files(serving: Serving) -> int:
    return sum(1 for _ in Path(f"/proc/{serving.process.pid}/fd").iterdir())


def settled(serving: Serving) -> tuple[int, int]:
    """Files open and bytes held when what was served before has been let go."""
    time.sleep(SETTLED_S)
    return open_files(serving), serving.resident


def live_through(serving: Serving, chance: random.Random, requests: int, swaps: int) -> None:
    """Ask as often and swap as often, the one between the other; some writes and failures among it."""
    numbers = itertools.count()
    for turn in range(swaps):
        reindex(serving, TURNS[turn % 2])
        changed = trajectory(chance, f"t{chance.randrange(RECORDS)}", chance.randrange(1 << 30))
        serving.post_lines(f"/collections/{NAME}/trajectories?wait=true", lines([changed]))
        while next(numbers) * swaps < requests * (turn + 1):
            asked = situations(NAME, trajectory(chance, "asked"))[chance.randrange(len(STRATEGIES))]
            assert (
                serving.post("/retrieve", asked | {"episode": f"e{chance.randrange(50)}"}).status_code == 200
            )
        assert serving.get(f"/collections/{NAME}/trajectories/none").status_code == 404
        assert serving.post("/retrieve", {"collection": NAME}).status_code == 422


def test_requests_and_swaps_leave_no_file_open_and_no_memory_taken(tmp_path: Path, fault_round: str) -> None:
    chance = seeded("leaks")
    requests, swaps = LEAKS[fault_round]
    with Serving(tmp_path / "data") as serving:
        serving.create(NAME, **TURNS[1])
        records = [trajectory(chance, f"t{number}") for number in range(RECORDS)]
        serving.post_lines(f"/collections/{NAME}/trajectories?wait=true", lines(records))
        live_through(serving, chance, requests // 5, max(4, swaps // 5))
        files, memory = settled(serving)
        live_through(serving, chance, requests, swaps)
        files_after, memory_after = settled(serving)
        print(
            f"{requests:,} requests, {swaps} swaps: {files} files open, then {files_after}; "
            f"{memory / MIB:.0f} MiB, then {memory_after / MIB:.0f} ({memory_after / memory:.3f} times)"
        )
        assert files_after <= files + FILES
        assert memory_after <= memory * MEMORY
        folders = [path for path in serving.data.glob("collections/*/*") if path.is_dir()]
        assert len(folders) == len(serving.get(f"/collections/{NAME}").json()["generations"])
