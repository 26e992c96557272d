"""The worlds of the closed loop: each environment with what is remembered of it and what is played."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from environments.alfworld import ALFWorld
from environments.base import Task
from evaluation.closed_loop import World
from indexing.formats import read
from indexing.records import Trajectory


def _trajectories(kind: str, path: Path) -> list[Trajectory]:
    return [record for record in read(kind, path) if isinstance(record, Trajectory)]


def alfworld(data: Path, count: int, split: str = "valid_unseen", step_limit: int = 50) -> World:
    """Household tasks: TRAD's experts are remembered, ALFWorld games that aren't among theirs are played."""
    environment = ALFWorld(data / "alfworld_games" / "json_2.1.1_games.tar.gz", step_limit)
    memory = _trajectories("alfworld", data / "alfworld_trad")
    known = {(record.instruction, record.steps[0].observation) for record in memory}
    tasks = []
    for name in environment.games(split):
        start = environment.reset(Task(name))
        if (start.instruction, start.observation) not in known:
            tasks.append(Task(name))
    return World("alfworld", environment, lambda: memory, spread(tasks, count), step_limit)


def spread(tasks: Sequence[Task], count: int) -> list[Task]:
    """At most so many, evenly apart."""
    if len(tasks) <= count:
        return list(tasks)
    return [tasks[index * len(tasks) // count] for index in range(count)]
