"""The environments that a run can be told to use, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from environments.base import Environment, Task
from environments.errors import EnvironmentFault
from indexing.errors import InvalidInput

Make: TypeAlias = Callable[[], Environment]


def _alfworld(path: Path | None) -> Environment:
    from environments.alfworld import ALFWorld

    if path is None:
        raise InvalidInput("alfworld needs its games: name their folder or archive with --games", "games")
    return ALFWorld(path)


def _babyai(path: Path | None) -> Environment:  # noqa: ARG001
    from environments.babyai import BabyAI

    return BabyAI()


def _miniwob(path: Path | None) -> Environment:  # noqa: ARG001
    from environments.miniwob import MiniWoB

    return MiniWoB()


def _scienceworld(path: Path | None) -> Environment:  # noqa: ARG001
    from environments.scienceworld import ScienceWorld

    return ScienceWorld()


def _scienceworld_expert(path: Path | None) -> Environment:  # noqa: ARG001
    from environments.scienceworld import ScienceWorld

    return ScienceWorld(expert=True)


def _textworld(path: Path | None) -> Environment:  # noqa: ARG001
    from environments.textworld import TextWorld

    return TextWorld()


PLACES: Mapping[str, Callable[[Path | None], Environment]] = {
    "alfworld": _alfworld,
    "babyai": _babyai,
    "miniwob": _miniwob,
    "scienceworld": _scienceworld,
    "textworld": _textworld,
}
"""Each environment's maker; it is given the path of what the environment reads."""

EXPERTS: Mapping[str, Callable[[Path | None], Environment]] = {
    "alfworld": _alfworld,
    "babyai": _babyai,
    "scienceworld": _scienceworld_expert,
    "textworld": _textworld,
}
"""Those that know how their tasks are done."""

ABOUT: Mapping[str, str] = {
    "alfworld": "ALFWorld, a household played through text",
    "babyai": "BabyAI, a grid of rooms with doors, keys, balls and boxes",
    "miniwob": "MiniWoB++, small web pages",
    "scienceworld": "ScienceWorld, elementary-school science in ten rooms, played through text",
    "textworld": "TextWorld, text adventures",
}


def maker(name: str, path: Path | None, expert: bool) -> Make:
    """What makes environments of that name.

    Raises
    ------
    InvalidInput
        There is none of that name, or none that knows how its tasks are done.
    """
    known = EXPERTS if expert else PLACES
    if name not in known:
        what = "environment with an expert" if expert else "environment"
        raise InvalidInput(f"no {what} {name!r}; there are {', '.join(known)}", "environment")
    make = known[name]
    return lambda: make(path)


def read_task(text: str) -> list[Task]:
    """Tasks as they are written: `boil`, `boil:3` or `boil:0-9`.

    >>> read_task("boil:1-2")
    [Task(name='boil', variation=1), Task(name='boil', variation=2)]

    Raises
    ------
    InvalidInput
        The variations aren't numbers.
    """
    name, colon, numbers = text.rpartition(":")
    if not colon:
        return [Task(text)]
    first, dash, last = numbers.partition("-")
    try:
        return [Task(name, number) for number in range(int(first), int(last if dash else first) + 1)]
    except ValueError:
        raise InvalidInput(f"--task {text}: write NAME, NAME:3 or NAME:0-9", "task") from None


def try_tasks(make: Make, tasks: Sequence[Task], explored: bool = False) -> None:
    """Begin each task's last variation once, so that what can't be played is refused before anything is kept.

    Raises
    ------
    InvalidInput
        The environment has no such task, or isn't installed, or is to be `explored` and can't say how.
    """
    last = {task.name: task for task in sorted(tasks, key=lambda one: one.variation)}
    try:
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
    except EnvironmentFault as fault:
        raise InvalidInput(str(fault), "environment") from fault
