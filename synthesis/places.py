"""The environments that a run can be told to use: what can't be played is refused as input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from environments import places
from environments.base import Task
from environments.errors import EnvironmentFault
from environments.places import Make, Place
from indexing.errors import InvalidInput, refused_as_input

__all__ = ["Make", "Place", "place", "read_task", "try_tasks"]


def place(environment: str, path: Path | None, expert: bool = False) -> Place:
    """The environment as it is written (`environments.places.place`); raises InvalidInput."""
    with refused_as_input(EnvironmentFault, "environment"):
        return places.place(environment, path, expert)


def read_task(text: str, only: str = "") -> list[Task]:
    """Tasks as they are written (`environments.places.read_task`); raises InvalidInput."""
    with refused_as_input(EnvironmentFault, "environment"):
        return places.read_task(text, only)


def try_tasks(make: Make, tasks: Sequence[Task], explored: bool = False) -> None:
    """Begin each task's last variation once, so that what can't be played is refused before anything is kept.

    Raises
    ------
    InvalidInput
        The environment has no such task, or isn't installed, or is to be `explored` and can't say how.
    """
    last = {task.name: task for task in sorted(tasks, key=lambda one: one.variation)}
    with refused_as_input(EnvironmentFault, "environment"):
        environment = make()
        try:
            for task in last.values():
                environment.reset(task)
                if explored and environment.admissible_actions() is None:
                    raise InvalidInput(
                        "this environment can't tell which actions there are, so it can't be explored: "
                        "take another --road",
                        "road",
                    )
        finally:
            environment.close()
