"""`precedent compare`: is it better than plain RAG? Measured on one's own records, and by playing."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexing.errors import InvalidInput
from service.commands.common import DATA_DIR, AsJson, DataDir, answer, find_collection, open_library, say
from service.commands.compare_folder import EPISODES, ROWS, begun
from service.commands.compare_loop import (
    ACTIONS,
    Actions,
    AgentModel,
    Environment,
    PlacePath,
    Replayed,
    Tasks,
    loop_options,
    strategies_named,
    words,
)
from service.commands.progress import display

if TYPE_CHECKING:
    from evaluation.actors import Actor
    from evaluation.closed_loop import World
    from evaluation.compare import Options
    from evaluation.loop import LoopOptions
    from evaluation.standings import Loop
    from evaluation.summary import Summary
    from indexing.library import Library
    from indexing.records import JSON

WHILE_PLAYING = ("strategies", "by", "k", "seed")
"""The options of a replay that mean something in closed loop too."""

NAMED = 3
"""Most collections that the default folder's name holds."""

WIDE = 120
"""Columns of the tables where nobody's terminal says how many there are."""


def compare(
    collections: Annotated[list[str], typer.Argument(metavar="COLLECTION...", help="One or several.")],
    strategies: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these strategies and variants; default: all.")
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            metavar="instruction|observation|PATH",
            help="What may not recur between memory and held-out: a path is one into the metadata.",
        ),
    ] = "instruction",
    held_out: Annotated[float, typer.Option(metavar="SHARE", help="Share of the tasks to hold out.")] = 0.2,
    episodes: Annotated[
        int, typer.Option(min=1, help="Most episodes asked about, of each collection.")
    ] = 100,
    steps: Annotated[int, typer.Option(min=1, help="Most steps asked about, of each episode.")] = 8,
    k: Annotated[int, typer.Option("--k", min=1, max=100, help="Demonstrations, matched by number.")] = 10,
    budgets: Annotated[
        str, typer.Option(metavar="N,N", help="Tokens of prompt, matched by tokens; empty for none.")
    ] = "500,1000,2000,4000",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same numbers.")] = 0,
    environment: Environment = None,
    task: Tasks = None,
    place: PlacePath = None,
    actions: Actions = ACTIONS,
    agent_model: AgentModel = None,
    replay: Replayed = True,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="For the report; default compare-COLLECTION.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where it was stopped.")] = False,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Replay held-out episodes against plain RAG and the rest, play tasks where asked; write a report."""
    from evaluation.compare import Options

    if not 0 < held_out < 1:
        raise InvalidInput("--held-out: a share between 0 and 1, such as 0.2")
    loop = loop_options(environment, task, place, actions, agent_model, replay)
    options = Options(
        strategies=strategies_named(_listed(strategies), loop, replay) if strategies is not None else None,
        by=by,
        held_out=held_out,
        episodes=episodes,
        steps=steps,
        k=k,
        budgets=_budgets(budgets),
        seed=seed,
    )
    asked = Asked(list(dict.fromkeys(collections)), options, loop, replay)
    found = _compared(asked, out or Path(_folder_name(asked.names)), resume, data_dir)
    if json:
        answer({"report": str(found.page), **found.to_fields()})
    else:
        _show(found)
        say(f"the report is {found.page}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured on which collections: a replay, a closed loop, or both."""

    names: Sequence[str]
    options: Options
    loop: LoopOptions | None
    replay: bool

    def to_fields(self) -> dict[str, JSON]:
        """The options of what is measured, as far as others may read them."""
        found = self.options.to_fields()
        if not self.replay:
            found = {"replay": False} | {name: found[name] for name in WHILE_PLAYING}
        return found | (self.loop.to_fields() if self.loop else {})

    def command(self) -> str:
        """The command that measures the same again, with what isn't the default."""
        found = ["precedent", "compare", *self.names]
        for field in fields(self.options):
            value = getattr(self.options, field.name)
            if value != field.default and (self.replay or field.name in WHILE_PLAYING):
                text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
                found += [f"--{field.name.replace('_', '-')}", text]
        found += words(self.loop) if self.loop else []
        return shlex.join(found if self.replay else [*found, "--no-replay"])


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it, and the page that tells it."""

    summary: Summary | None
    loop: Loop | None
    page: Path

    def to_fields(self) -> dict[str, JSON]:
        """As in `summary.json`."""
        replayed = self.summary.to_fields() if self.summary else {}
        return replayed | ({"loop": self.loop.to_fields()} if self.loop else {})


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(word for part in text.split(",") if (word := part.strip())))


def _budgets(text: str) -> tuple[int, ...]:
    try:
        found = sorted({int(word) for word in _listed(text)})
    except ValueError:
        found = [0]
    if found and found[0] < 1:
        raise InvalidInput(f"--budgets {text}: write numbers of tokens such as 500,1000")
    return tuple(found)


def _folder_name(names: Sequence[str]) -> str:
    more = [f"and-{len(names) - NAMED}-more"] if len(names) > NAMED else []
    return "-".join(["compare", *names[:NAMED], *more])


def _states(library: Library, names: Sequence[str]) -> dict[str, JSON]:
    """What each collection holds: rows of different states can't be mixed."""
    rows = [find_collection(library, name) for name in names]
    return {row.name: {"changes": row.sequence, "settings": dict(row.settings)} for row in rows}


def _compared(asked: Asked, folder: Path, resume: bool, data_dir: Path) -> Found:
    from evaluation.loop import actor_of, check

    actor = None
    if asked.loop:
        check(asked.options, asked.loop)
        actor = actor_of(asked.loop)
    with open_library(data_dir) as library:
        states = {"collections": _states(library, asked.names)}
        with begun(folder, states | asked.to_fields(), resume):
            worlds = _measured(library, asked, actor, folder)
    return _reported(asked, worlds, actor, folder)


def _measured(library: Library, asked: Asked, actor: Actor | None, folder: Path) -> Sequence[World]:
    from evaluation.closed_loop import EpisodeFile
    from evaluation.compare import compare as replay
    from evaluation.loop import play, prepared, to_be_replayed
    from evaluation.results import RowFile

    names, options = asked.names, asked.options
    worlds: Sequence[World] = ()
    with _stoppable(folder), display() as progress, ExitStack() as stack:
        if asked.loop:
            worlds = stack.enter_context(prepared(library, names, options, asked.loop, folder, progress))
        if asked.replay:
            replayed = replace(options, strategies=to_be_replayed(options.strategies))
            replay(library, names, replayed, RowFile(folder / ROWS), progress)
        if actor:
            play(library, worlds, options, actor, EpisodeFile(folder / EPISODES), progress)
    return worlds


@contextmanager
def _stoppable(folder: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say(f"stopped; what was measured is in {folder}, and --resume goes on from there")
        raise


def _reported(asked: Asked, worlds: Sequence[World], actor: Actor | None, folder: Path) -> Found:
    from evaluation.closed_loop import EpisodeFile
    from evaluation.loop import to_be_played
    from evaluation.report import About, write
    from evaluation.results import RowFile
    from evaluation.summarize import summarize
    from evaluation.tally import tally

    rows, episodes = RowFile(folder / ROWS).read(), EpisodeFile(folder / EPISODES).read()
    options = asked.options
    summary = summarize(rows, options.seed) if asked.replay else None
    variants = to_be_played(options.strategies)
    loop = tally(episodes, worlds, actor, variants, options.seed) if actor else None
    about = About(asked.command(), {"collections": list(asked.names), **asked.to_fields()})
    return Found(summary, loop, write(folder, rows, summary, about, loop, episodes))


def _show(found: Found) -> None:
    from rich.console import Console

    from evaluation.report import ours_of
    from evaluation.tables import loop_tables, tables

    width = None if sys.stdout.isatty() else WIDE
    console = Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)
    summary, loop = found.summary, found.loop
    replayed = tables(summary, ours_of(summary)) if summary else ()
    for table in (*replayed, *(loop_tables(loop) if loop else ())):
        console.print(table)
        console.print()
