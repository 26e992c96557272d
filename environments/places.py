"""The environments that a command can be told to use, by name, and their tasks as they are written."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from environments.base import Environment, Task
from environments.errors import BadPlace
from environments.place_files import names_in, questions_and_databases, tasks_in

Make: TypeAlias = Callable[[], Environment]
Maker: TypeAlias = Callable[[str, Path | None], Make]
"""Is given what follows the name after a colon, and the path of what the environment reads."""


@dataclass(frozen=True, slots=True)
class Place:
    """An environment that episodes happen in.

    `name` is what was written, as far as others may read it; `about` tells models what it is. `only` is
    the name of its one task, where it has one by nature. `closing` is the action that ends an episode and
    has it judged, where there is one.
    """

    make: Make
    name: str
    about: str
    only: str = ""
    closing: str | None = None


def _alfworld(_: str, path: Path | None) -> Make:
    from environments.alfworld import ALFWorld

    if path is None:
        raise BadPlace("alfworld needs its games: name their folder or archive with --place", "place")
    return partial(ALFWorld, path)


def _babyai(_: str, __: Path | None) -> Make:
    from environments.babyai import BabyAI

    return BabyAI


def _gymnasium(name: str, path: Path | None) -> Make:
    actions = None if path is None else names_in(path)

    def instruction(seen: Any, _: Any) -> str:
        mission = seen.get("mission") if isinstance(seen, Mapping) else None
        return str(mission or f"Reach the goal of {name}.")

    def make() -> Environment:
        from environments.babyai import ACTIONS, in_words
        from environments.gymnasium import TextGym, as_text, by_id

        try:
            probe = by_id(name)
        except ImportError as error:
            raise BadPlace(f"gymnasium:{name}: {error}", "environment") from None
        is_grid = "mission" in getattr(probe.observation_space, "spaces", {})
        probe.close()
        named = actions or (ACTIONS if is_grid else None)
        return TextGym(by_id, named, in_words if is_grid else as_text, instruction)

    return make


def _mcp(command: str, path: Path | None) -> Make:
    from environments.mcp import MCP, ToolTask

    if path is None:
        raise BadPlace("mcp needs its tasks: name a file of them with --place", "place")
    return partial(MCP, _words(command), tasks_in(path, ToolTask))


def _miniwob(_: str, __: Path | None) -> Make:
    from environments.miniwob import MiniWoB

    return MiniWoB


def _scienceworld(_: str, __: Path | None) -> Make:
    from environments.scienceworld import ScienceWorld

    return ScienceWorld


def _scienceworld_expert(_: str, __: Path | None) -> Make:
    from environments.scienceworld import ScienceWorld

    return partial(ScienceWorld, expert=True)


def _shell(_: str, path: Path | None) -> Make:
    from environments.shell import Shell, ShellTask

    if path is None:
        raise BadPlace("shell needs its tasks: name a file of them with --place", "place")
    return partial(Shell, tasks_in(path, ShellTask))


def _sql(_: str, path: Path | None) -> Make:
    from environments.sql import SQL

    if path is None:
        raise BadPlace("sql needs its questions and databases: name their folder with --place", "place")
    return partial(SQL, *questions_and_databases(path))


def _textworld(_: str, __: Path | None) -> Make:
    from environments.textworld import TextWorld

    return TextWorld


PLACES: Mapping[str, Maker] = {
    "alfworld": _alfworld,
    "babyai": _babyai,
    "gymnasium": _gymnasium,
    "mcp": _mcp,
    "miniwob": _miniwob,
    "scienceworld": _scienceworld,
    "shell": _shell,
    "sql": _sql,
    "textworld": _textworld,
}
"""Each environment's maker."""

EXPERTS: Mapping[str, Maker] = {
    "alfworld": _alfworld,
    "babyai": _babyai,
    "scienceworld": _scienceworld_expert,
    "textworld": _textworld,
}
"""Those that know how their tasks are done."""

READERS = frozenset({"alfworld", "gymnasium", "mcp", "shell", "sql"})
"""Those that read something of the user's."""

FOLLOWED: Mapping[str, str] = {"gymnasium": "gymnasium:ENV_ID", "mcp": 'mcp:"COMMAND …"'}
"""Those that need more than a name, and how that is written."""

MOST_VARIATIONS = 100_000

CLOSING: Mapping[str, str] = {"mcp": "finish()", "shell": "submit", "sql": "submit"}

ABOUT: Mapping[str, str] = {
    "alfworld": "ALFWorld, a household played through text",
    "babyai": "BabyAI, a grid of rooms with doors, keys, balls and boxes",
    "gymnasium": "{}, an environment of Gymnasium",
    "mcp": "the tools of the server {}, called one at a time",
    "miniwob": "MiniWoB++, small web pages",
    "scienceworld": "ScienceWorld, elementary-school science in ten rooms, played through text",
    "shell": "a shell, bash on Linux, in a folder of its own",
    "sql": "a database, asked in SQL",
    "textworld": "TextWorld, text adventures",
}


def place(environment: str, path: Path | None, expert: bool = False) -> Place:
    """The environment as it is written: `babyai`, `gymnasium:ENV_ID`, `mcp:COMMAND …`.

    Raises
    ------
    BadPlace
        There is none of that name, none that knows how its tasks are done, or it lacks what it needs.
    """
    name, colon, more = environment.partition(":")
    known = EXPERTS if expert else PLACES
    if name not in known:
        what = "environment with an expert" if expert else "environment"
        raise BadPlace(f"no {what} {name!r}; there are {', '.join(known)}", "environment")
    if bool(more.strip()) != (name in FOLLOWED) or (colon and name not in FOLLOWED):
        wanted = FOLLOWED.get(name, name)
        raise BadPlace(f"--environment {environment}: write {wanted}", "environment")
    if path is not None and name not in READERS:
        raise BadPlace(f"{name} reads nothing: leave --place out", "place")
    # A server's arguments may hold what is nobody's business: only its program is told to models.
    told = Path(_words(more)[0]).name if name == "mcp" else more
    make = known[name](more, path)
    only = more if name == "gymnasium" else ""
    shown = f"{name}:{told}" if told else name
    return Place(make, shown, ABOUT[name].format(told), only, CLOSING.get(name))


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise BadPlace(f"--environment mcp:{command}: {error}", "environment") from None


def read_task(text: str, only: str = "") -> list[Task]:
    """Tasks as they are written: `boil`, `boil:3` or `boil:0-9`; `3` or `0-9` of the `only` task there is.

    >>> read_task("boil:1-2")
    [Task(name='boil', variation=1), Task(name='boil', variation=2)]

    Raises
    ------
    BadPlace
        The variations aren't numbers, or are more than anybody plays.
    """
    name, colon, numbers = (only, ":", text) if only else text.rpartition(":")
    if not colon:
        return [Task(text)]
    first, dash, last = numbers.partition("-")
    try:
        variations = range(int(first), int(last if dash else first) + 1)
    except ValueError:
        forms = "3 or 0-9, seeds" if only else "NAME, NAME:3 or NAME:0-9"
        raise BadPlace(f"--task {text}: write {forms}", "task") from None
    if variations.stop - variations.start > MOST_VARIATIONS:
        raise BadPlace(f"--task {text}: at most {MOST_VARIATIONS:,} variations at once", "task")
    return [Task(name, number) for number in variations]
