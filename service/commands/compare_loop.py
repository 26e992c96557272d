"""What `precedent compare` is told of a closed loop: where to play, which tasks, and who acts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from indexing.errors import InvalidInput

if TYPE_CHECKING:
    from evaluation.loop import LoopOptions

ACTIONS = 50

Environment: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--environment", "-e", metavar="NAME[:MORE]", help="Also play tasks there, with what is remembered."
    ),
]
Tasks: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--task", "-t", metavar="NAME[:0-9]", help="What is played; may be given again."),
]
PlacePath: TypeAlias = Annotated[
    Path | None,
    typer.Option("--place", metavar="PATH", help="What the environment reads: games, tasks, databases."),
]
Actions: TypeAlias = Annotated[int, typer.Option(min=1, help="Most actions of an episode that is played.")]
AgentModel: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="GGUF", help="Act by this language model's likelihood; default: without a model."),
]
Replayed: TypeAlias = Annotated[
    bool, typer.Option("--replay/--no-replay", help="Also replay held-out episodes; only played without.")
]


def loop_options(
    environment: str | None,
    tasks: Sequence[str] | None,
    path: Path | None,
    actions: int,
    agent_model: Path | None,
    replayed: bool,
) -> LoopOptions | None:
    """The options of a closed loop, or None where none is asked for; raises InvalidInput."""
    from evaluation.loop import LoopOptions

    if environment is not None:
        return LoopOptions(environment, tuple(tasks or ()), path, actions, agent_model)
    given = {
        "--task": tasks,
        "--place": path,
        "--actions": actions != ACTIONS,
        "--agent-model": agent_model,
        "--no-replay": not replayed,
    }
    if named := [name for name, value in given.items() if value]:
        raise InvalidInput(f"{', '.join(named)}: name the --environment that is played in, too")
    return None


def strategies_named(
    names: Sequence[str], loop: LoopOptions | None, replayed: bool
) -> tuple[str, ...] | None:
    """The variants of these names, where something is played `none` too; raises InvalidInput."""
    from evaluation.closed_loop import NONE
    from evaluation.variants import chosen

    shown = tuple(name for name in names if not (loop and name == NONE))
    if not names:
        return None
    if not shown and replayed:
        raise InvalidInput("--strategies none: there is nothing to replay; name more, or --no-replay")
    if shown:
        chosen(shown)
    return tuple(names)


def words(loop: LoopOptions) -> list[str]:
    """The options as they are written, what isn't the default, as far as others may read it."""
    found = ["--environment", loop.place().name]
    for task in loop.tasks:
        found += ["--task", task]
    if loop.path:
        found += ["--place", str(loop.path)]
    if loop.actions != ACTIONS:
        found += ["--actions", str(loop.actions)]
    if loop.agent_model:
        found += ["--agent-model", str(loop.agent_model)]
    return found
