"""A few of the shipped recorded trajectories, played again in the real environments: the same bytes."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from environments.babyai import BabyAI
from environments.base import Expert, Task
from environments.scienceworld import ScienceWorld
from indexing.records import Trajectory, to_bytes, trajectory_from_bytes
from samples.making.recording import Pick, play, played, spread, trajectory

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def few(name: str, count: int) -> list[Trajectory]:
    """The shortest of the shipped trajectories, of different tasks."""
    lines = (SAMPLES / name / "trajectories.ndjson").read_bytes().splitlines()
    records = [trajectory_from_bytes(line) for line in lines]
    by_task = {task(record).name: record for record in sorted(records, key=lambda r: (-len(r.steps), r.id))}
    return sorted(by_task.values(), key=lambda r: (len(r.steps), r.id))[:count]


def task(record: Trajectory) -> Task:
    about = record.metadata or {}
    return Task(about["task"], about["variation"])


def assert_played_again(name: str, world: Expert, count: int) -> None:
    records = few(name, count)
    with closing(world):
        again = [episode for record in records if (episode := play(world, task(record)))]
    assert [to_bytes(trajectory(episode, name)) for episode in again] == [to_bytes(r) for r in records]


def test_babyai_again() -> None:
    pytest.importorskip("minigrid", reason="minigrid isn't installed: the extra `environments` brings it")
    assert_played_again("babyai", BabyAI(), 3)


@pytest.mark.whole
def test_scienceworld_again() -> None:
    pytest.importorskip(
        "scienceworld", reason="scienceworld isn't installed: the extra `environments` has it"
    )
    if shutil.which("java") is None:
        pytest.skip("ScienceWorld runs on Java, which isn't installed")
    assert_played_again("scienceworld", ScienceWorld(expert=True), 3)


def test_what_is_too_long_is_passed_over() -> None:
    pytest.importorskip("minigrid", reason="minigrid isn't installed: the extra `environments` brings it")
    with closing(BabyAI()) as world:
        assert play(world, Task("UnlockPickup", 3), longest=2) is None
        kept = played(world, [Pick("OpenTwoDoors", range(9), 2)])
        assert [episode.task for episode in kept] == [Task("OpenTwoDoors", 0), Task("OpenTwoDoors", 1)]


@pytest.mark.parametrize(("count", "first"), [(1, [0]), (2, [0, 3]), (6, [0, 1, 2, 3, 4, 5])])
def test_spread_puts_an_even_choice_first_and_loses_none(count: int, first: list[int]) -> None:
    chosen = spread(range(6), count)
    assert chosen[:count] == first
    assert sorted(chosen) == list(range(6))
