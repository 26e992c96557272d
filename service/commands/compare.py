"""`precedent compare`: is it better than plain RAG? Measured on one's own records."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic_core import from_json, to_json

from indexing.errors import Conflict, InvalidInput, PrecedentError
from service.commands.common import DATA_DIR, AsJson, DataDir, answer, find_collection, open_library, say
from service.commands.progress import display

if TYPE_CHECKING:
    from evaluation.compare import Options
    from evaluation.summary import Summary
    from indexing.library import Library
    from indexing.records import JSON

OPTIONS, ROWS = "options.json", "rows.ndjson"
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
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="For the report; default compare-COLLECTION.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where it was stopped.")] = False,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Replay held-out episodes against plain RAG and the rest, and write a report."""
    from evaluation.compare import Options
    from evaluation.variants import chosen

    if not 0 < held_out < 1:
        raise InvalidInput("--held-out: a share between 0 and 1, such as 0.2")
    options = Options(
        strategies=chosen(tuple(_listed(strategies))) if strategies is not None else None,
        by=by,
        held_out=held_out,
        episodes=episodes,
        steps=steps,
        k=k,
        budgets=_budgets(budgets),
        seed=seed,
    )
    names = list(dict.fromkeys(collections))
    folder = out or Path(_folder_name(names))
    with open_library(data_dir) as library:
        begun = {"collections": _states(library, names), **options.to_fields()}
        with _begun(folder, begun, resume):
            _measure(library, names, options, folder)
    summary, page = _reported(folder, names, options)
    if json:
        answer({"report": str(page), **summary.to_fields()})
    else:
        _show(summary)
        say(f"the report is {page}")


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


@contextmanager
def _begun(folder: Path, begun: dict[str, JSON], resume: bool) -> Iterator[None]:
    """The folder with its options, or why it can't be used; one that got no further is left as it was."""
    new = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not new:
        _check(folder, begun, resume)
    elif resume:
        say(f"there is nothing to resume in {folder} yet")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / OPTIONS
    path.write_bytes(to_json(begun, indent=1) + b"\n")
    try:
        yield
    except PrecedentError:
        if new and [*folder.iterdir()] == [path]:
            path.unlink()
            with suppress(OSError):
                folder.rmdir()
        raise


def _check(folder: Path, begun: dict[str, JSON], resume: bool) -> None:
    if not (folder / OPTIONS).is_file():
        raise InvalidInput(f"{folder} holds something else; name another folder with --out")
    if not resume:
        raise Conflict(f"{folder} holds a comparison; go on with --resume, or name another folder with --out")
    before = from_json((folder / OPTIONS).read_bytes())
    for name in begun.keys() | before.keys():
        if before.get(name) != begun.get(name):
            raise Conflict(f"{folder} was begun {_difference(name, before, begun)}; name another with --out")


def _difference(name: str, before: dict[str, JSON], now: dict[str, JSON]) -> str:
    if name != "collections":
        return f"with {name} {_short(before.get(name))}, now it is {_short(now.get(name))}"
    if before.get(name, {}).keys() != now[name].keys():
        return f"with the collections {', '.join(before.get(name, {}))}"
    changed = [one for one, state in now[name].items() if before[name][one] != state]
    return f"before {', '.join(changed)} changed"


def _short(value: JSON) -> str:
    return to_json(value).decode()


def _measure(library: Library, names: Sequence[str], options: Options, folder: Path) -> None:
    from evaluation.compare import compare as measure
    from evaluation.results import RowFile

    try:
        with display() as progress:
            measure(library, names, options, RowFile(folder / ROWS), progress)
    except KeyboardInterrupt:
        say(f"stopped; what was measured is in {folder}, and --resume goes on from there")
        raise


def _reported(folder: Path, names: Sequence[str], options: Options) -> tuple[Summary, Path]:
    from evaluation.report import About, write
    from evaluation.results import RowFile
    from evaluation.summarize import summarize

    rows = list(RowFile(folder / ROWS).read())
    summary = summarize(rows, options.seed)
    about = About(_command(names, options), {"collections": list(names), **options.to_fields()})
    return summary, write(folder, rows, summary, about)


def _command(names: Sequence[str], options: Options) -> str:
    """The command that measures the same again, with what isn't the default."""
    words = ["precedent", "compare", *names]
    for field in fields(options):
        value = getattr(options, field.name)
        if value != field.default:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [f"--{field.name.replace('_', '-')}", text]
    return shlex.join(words)


def _show(summary: Summary) -> None:
    from rich.console import Console

    from evaluation.report import ours_of
    from evaluation.tables import tables

    width = None if sys.stdout.isatty() else WIDE
    console = Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)
    for table in tables(summary, ours_of(summary)):
        console.print(table)
        console.print()
