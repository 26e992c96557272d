"""`precedent ingest`: files of records, in our own format or a public one, into a collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from indexing.errors import InvalidInput
from indexing.formats import FORMATS, ImportReport, importer, read
from indexing.records import Document, Record
from indexing.settings import CollectionSettings
from service.commands.common import (
    DATA_DIR,
    AsJson,
    DataDir,
    Settings,
    answer,
    checked_name,
    open_library,
    parse_settings,
    say,
)
from service.commands.progress import Display, display
from service.commands.reindex import build
from service.loading import BATCH, Counts, Loader, is_indexed

if TYPE_CHECKING:
    from indexing.library import Library

STDIN = "-"
STDIN_PATH = Path("/dev/stdin")
SHOWN_ERRORS = 20
"""Most rejected lines told one by one; all are counted."""

KindName: TypeAlias = Literal["trajectory", "document"]


@dataclass(slots=True)
class Outcome:
    """What became of all files together."""

    counts: Counts
    read: int = 0
    rejected: int = 0
    errors: list[tuple[str, int, str]] = field(default_factory=list)
    told: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    replaced: int = 0
    broken: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 when all was good, 2 when nothing could be read, 1 in between."""
        if not (self.broken or self.rejected or (self.left_out and not self.read)):
            return 0
        return 1 if self.read else 2


def ingest(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Files or folders; - for standard input.")
    ],
    collection: Annotated[
        str, typer.Option("--collection", "-c", metavar="NAME", help="Created where it is missing.")
    ] = "default",
    format: Annotated[
        str, typer.Option("--format", "-f", metavar="NAME", help=f"One of {', '.join(FORMATS)}.")
    ] = "ndjson",
    kind: Annotated[
        KindName | None,
        typer.Option(help="Take only these of ndjson; default: each line is what it looks like."),
    ] = None,
    set_: Settings = None,
    index: Annotated[bool, typer.Option("--index/--no-index", help="Build a generation at the end.")] = True,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Records in one transaction.")] = BATCH,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Load records into a collection; sending them again changes nothing."""
    checked_name(collection)
    paths = [_checked_path(name, format) for name in files]
    changes = parse_settings(set_)
    CollectionSettings().updated(changes)
    with open_library(data_dir, create=True) as library:
        loader = Loader(library, collection, batch, changes)
        outcome = Outcome(loader.counts)
        with display() as progress:
            for name, path in zip(files, paths, strict=True):
                _load(loader, name, path, (format, kind), outcome, progress)
        if outcome.exit_code != 2:
            loader.prepare()
        generation = _index(library, collection) if index and outcome.read else None
    _tell(outcome)
    if json:
        answer(_fields(collection, outcome, generation))
    else:
        typer.echo(_summary(outcome))
    raise typer.Exit(outcome.exit_code)


def _checked_path(name: str, format: str) -> Path:
    importer(format)
    if name == STDIN:
        if format != "ndjson":
            raise InvalidInput(f"standard input is read as ndjson, not as {format}; name a file")
        return STDIN_PATH
    path = Path(name)
    if not path.exists():
        raise InvalidInput(f"{name}: no such file or folder")
    return path


def _load(
    loader: Loader,
    name: str,
    path: Path,
    source: tuple[str, KindName | None],
    outcome: Outcome,
    progress: Display,
) -> None:
    format, kind = source
    report = ImportReport()
    told = 0
    try:
        for record in _only(kind, read(format, path, report), report):
            outcome.read += 1
            loader.add(record)
            progress("loading", outcome.read)
            told = _tell_errors(name, report, told, outcome)
    except InvalidInput as error:
        outcome.broken.append(str(error))
    finally:
        loader.flush()
    _tell_errors(name, report, told, outcome)
    outcome.rejected += report.refused
    outcome.left_out.update(report.skipped)
    outcome.replaced += report.replaced


def _only(kind: KindName | None, records: Iterable[Record], report: ImportReport) -> Iterator[Record]:
    for record in records:
        found = "document" if isinstance(record, Document) else "trajectory"
        if kind in (None, found):
            yield record
        else:
            report.skip(f"a {found}, not a {kind}")


def _tell_errors(name: str, report: ImportReport, told: int, outcome: Outcome) -> int:
    for line, error in report.errors[told:]:
        where = "standard input" if name == STDIN else name
        outcome.errors.append((where, line, error))
    if outcome.read:  # where nothing is read at all, one line at the end is enough
        for where, line, error in outcome.errors[outcome.told : SHOWN_ERRORS]:
            say(f"{where}:{line}: {error}")
        outcome.told = len(outcome.errors)
    return len(report.errors)


def _index(library: Library, name: str) -> str | None:
    row = library.collection(name)
    return row.generation if is_indexed(library, row) else build(library, name).id


def _tell(outcome: Outcome) -> None:
    if outcome.exit_code == 2:
        say(_why_nothing(outcome))
        return
    if (more := outcome.rejected - SHOWN_ERRORS) > 0:
        say(f"… and {more:,} more lines were rejected")
    for message in outcome.broken:
        say(message)
    if outcome.replaced:
        say(f"{outcome.replaced:,} characters that can't be kept are now U+FFFD")


def _why_nothing(outcome: Outcome) -> str:
    """What stands in the way where no record was read, in one line."""
    if outcome.broken:
        return "; ".join(outcome.broken)
    first = "".join(f"{where}:{line}: {error}; " for where, line, error in outcome.errors[:1])
    return f"{first}nothing here can be read as records of this format; choose another with --format"


def _summary(outcome: Outcome) -> str:
    counts = {**asdict(outcome.counts), "rejected": outcome.rejected}
    lines = [", ".join(f"{number:,} {name}" for name, number in counts.items())]
    lines += [f"left out: {number:,} {reason}" for reason, number in outcome.left_out.most_common()]
    return "\n".join(lines)


def _fields(collection: str, outcome: Outcome, generation: str | None) -> dict[str, object]:
    errors = [{"file": file, "line": line, "error": error} for file, line, error in outcome.errors]
    return {
        "collection": collection,
        **asdict(outcome.counts),
        "rejected": errors,
        "rejected_total": outcome.rejected,
        "left_out": dict(outcome.left_out),
        "replaced_characters": outcome.replaced,
        "generation": generation,
    }
