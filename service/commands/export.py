"""`precedent export`: the records of a collection as they went in, or as pairs to train a model on."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer
from pydantic_core import to_json

from indexing.errors import InvalidInput
from service.commands.common import DATA_DIR, DataDir, only_collection, open_library, say
from service.commands.progress import display

if TYPE_CHECKING:
    from indexing.library import Library
    from indexing.store.catalog import Collection
    from indexing.store.records import Kind

EVERYTHING = (1 << 63) - 1
"""No change has a greater number."""


def export(
    collection: Annotated[str | None, typer.Argument(help="May be left out where there is only one.")] = None,
    named: Annotated[str | None, typer.Option("--collection", "-c", metavar="NAME", help="The same.")] = None,
    format: Annotated[
        Literal["ndjson", "sft"],
        typer.Option("--format", "-f", help="The records, or chat messages to train a model on."),
    ] = "ndjson",
    kind: Annotated[
        Literal["trajectory", "document"] | None,
        typer.Option(help="Only these; default: trajectories, then documents."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A file instead of standard output.")
    ] = None,
    most_tokens: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="sft: of one pair at the most; default 8192.")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="sft: what counts them, a name or path; default: the collection's."
        ),
    ] = None,
    failures: Annotated[
        bool, typer.Option("--failures", help="sft: also what is known to have failed.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Write a collection, one JSON object a line, in the order of its records' ids."""
    if format == "ndjson" and (most_tokens or tokenizer or failures):
        raise InvalidInput("--most-tokens, --tokenizer and --failures go with --format sft")
    if format == "sft" and kind == "document":
        raise InvalidInput("--kind document: a document has no steps to train on")
    with open_library(data_dir) as library:
        found = only_collection(library, collection, named)
        if format == "sft":
            _write_pairs(library, found, output, most_tokens, tokenizer, failures)
        else:
            _write_records(library, found, output, (kind,) if kind else ("trajectory", "document"))


def _write_records(
    library: Library, collection: Collection, output: Path | None, kinds: Sequence[Kind]
) -> None:
    written = 0
    with _opened(output) as stream, display() as progress:
        total = sum(library.records.count(collection.id, kind) for kind in kinds)
        for kind in kinds:
            for stored in library.records.scan(collection.id, kind, EVERYTHING):
                stream.write(stored.body + b"\n")
                written += 1
                progress("exporting", written, total)
    if output:
        say(f"{written:,} records in {output}")


def _write_pairs(
    library: Library,
    collection: Collection,
    output: Path | None,
    most_tokens: int | None,
    named: str | None,
    failures: bool,
) -> None:
    """The pairs, and to standard error how many of how many trajectories, and what was left out."""
    from indexing.records import trajectory_from_bytes
    from indexing.settings import settings_of
    from indexing.tokens import tokenizer
    from synthesis.training import MOST_TOKENS, examples, failed

    limit = most_tokens or MOST_TOKENS
    count = tokenizer(named or settings_of(collection).tokenizer).count
    pairs = used = failing = long = 0
    with _opened(output) as stream, display() as progress:
        total = library.records.count(collection.id, "trajectory")
        for stored in library.records.scan(collection.id, "trajectory", EVERYTHING):
            trajectory = trajectory_from_bytes(stored.body)
            if failed(trajectory) and not failures:
                failing += 1
                continue
            before = pairs
            for example in examples(trajectory, limit, count):
                stream.write(to_json(example) + b"\n")
                pairs += 1
            used += 1
            long += len(trajectory.steps) - (pairs - before)
            progress("exporting", used + failing, total)
    told = f"{pairs:,} pairs of {used:,} trajectories" + (f" in {output}" if output else "")
    left_out = [f"{failing:,} failed trajectories"] if failing else []
    left_out += [f"{long:,} steps of more than {limit:,} tokens"] if long else []
    say(told + (f"; left out: {', '.join(left_out)}" if left_out else ""))


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that is there whole or not at all."""
    if output is None or (output.exists() and not output.is_file()):
        with output.open("wb") if output else _unclosed() as stream:
            yield stream
        return
    if not output.parent.is_dir():
        raise InvalidInput(f"{output}: there is no such folder")
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
