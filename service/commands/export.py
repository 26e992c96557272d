"""`precedent export`: the records of a collection, as they went in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from service.commands.common import DATA_DIR, DataDir, only_collection, open_library, say
from service.commands.progress import display

if TYPE_CHECKING:
    from indexing.store.records import Kind

EVERYTHING = (1 << 63) - 1
"""No change has a greater number."""


def export(
    collection: Annotated[str | None, typer.Argument(help="May be left out where there is only one.")] = None,
    named: Annotated[str | None, typer.Option("--collection", "-c", metavar="NAME", help="The same.")] = None,
    format: Annotated[Literal["ndjson"], typer.Option("--format", "-f", help="What to write.")] = "ndjson",  # noqa: ARG001
    kind: Annotated[
        Literal["trajectory", "document"] | None,
        typer.Option(help="Only these; default: trajectories, then documents."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A file instead of standard output.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Write a collection's records, one JSON object a line, in the order of their ids."""
    with open_library(data_dir) as library:
        found = only_collection(library, collection, named)
        kinds: tuple[Kind, ...] = (kind,) if kind else ("trajectory", "document")
        written = 0
        with _opened(output) as stream, display() as progress:
            total = sum(library.records.count(found.id, one) for one in kinds)
            for one in kinds:
                for stored in library.records.scan(found.id, one, EVERYTHING):
                    stream.write(stored.body + b"\n")
                    written += 1
                    progress("exporting", written, total)
    if output:
        say(f"{written:,} records in {output}")


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that is there whole or not at all."""
    if output is None or (output.exists() and not output.is_file()):
        with output.open("wb") if output else _unclosed() as stream:
            yield stream
        return
    partial = output.with_name(f"{output.name}.partial")
    try:
        with partial.open("wb") as stream:
            yield stream
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _unclosed() -> Iterator[IO[bytes]]:
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()
