"""`precedent status`: what each collection holds and serves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexing.settings import CollectionSettings
from service.commands.common import DATA_DIR, DATABASE, AsJson, DataDir, answer, find_collection, open_library
from service.commands.progress import duration

if TYPE_CHECKING:
    from indexing.library import Library
    from indexing.store.catalog import Collection


@dataclass(frozen=True, slots=True)
class Described:
    """One collection in numbers. `changes` came after the served generation."""

    name: str
    trajectories: int
    documents: int
    changes: int
    generation: str | None
    generation_age_s: float | None
    embedder: str
    environment: str | None
    index_bytes: int


def describe(library: Library, row: Collection) -> Described:
    """What a collection holds and serves, without loading any of it."""
    served = library.catalog.generation(row.generation) if row.generation else None
    settings = CollectionSettings().updated(row.settings)
    return Described(
        name=row.name,
        trajectories=library.records.count(row.id, "trajectory"),
        documents=library.records.count(row.id, "document"),
        changes=row.sequence - (served.sequence if served else 0),
        generation=row.generation,
        generation_age_s=round(time.time() - served.created_at, 1) if served else None,
        embedder=settings.embedder,
        environment=settings.environment,
        index_bytes=size_of(library.folder / "collections" / str(row.id)),
    )


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # a generation was replaced meanwhile
            continue
    return total


def readable(size: float) -> str:
    """A size to read: `3.1 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows in aligned columns, the first of them their names."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


HEADINGS = ("COLLECTION", "TRAJECTORIES", "DOCUMENTS", "CHANGES", "GENERATION", "AGE", "EMBEDDER", "INDEX")


def _cells(one: Described) -> tuple[str, ...]:
    return (
        one.name,
        f"{one.trajectories:,}",
        f"{one.documents:,}",
        f"{one.changes:,}",
        one.generation or "none",
        duration(one.generation_age_s) if one.generation_age_s is not None else "-",
        one.embedder,
        readable(one.index_bytes),
    )


def status(
    collection: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Show the collections: records, changes since the served generation, its age, sizes."""
    with open_library(data_dir) as library:
        rows = [find_collection(library, collection)] if collection else library.catalog.list()
        described = [describe(library, row) for row in rows]
        records_bytes = size_of_database(library.folder)
    if json:
        answer({"collections": [asdict(one) for one in described], "records_bytes": records_bytes})
        return
    typer.echo(table([HEADINGS, *map(_cells, described)]))
    typer.echo(
        f"\nrecords and embeddings of all collections: {readable(records_bytes)} in {data_dir / DATABASE}"
    )


def size_of_database(folder: Path) -> int:
    """Bytes of the database and its log."""
    return sum(path.stat().st_size for path in folder.glob(f"{DATABASE}*"))
