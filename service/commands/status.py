"""`precedent status`: what each collection holds and serves."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexing.embedder import known_fingerprint
from indexing.settings import CollectionSettings
from service.commands.common import DATA_DIR, DATABASE, AsJson, DataDir, answer, find_collection, open_library
from service.commands.progress import duration
from service.sizes import readable, size_of

if TYPE_CHECKING:
    from indexing.library import Library
    from indexing.store.catalog import Collection, Generation
    from indexing.store.jobs import Job


@dataclass(frozen=True, slots=True)
class Described:
    """One collection in numbers. `changes` came after the served generation, `embedder` is its own.

    `index_bytes` are those of all `generations` that are kept, and of one that is just being built.
    `embedder_matches` tells whether the vectors are of the embedder as it is now, None where nobody
    knows without loading it; `awaiting_reindex` are settings that the served generation hasn't.
    """

    name: str
    trajectories: int
    documents: int
    changes: int
    generation: str | None
    generation_age_s: float | None
    embedder: str
    environment: str | None
    index_bytes: int
    generations: int
    embedder_matches: bool | None
    awaiting_reindex: tuple[str, ...]


def describe(library: Library, row: Collection) -> Described:
    """What a collection holds and serves, without loading any of it."""
    served = library.catalog.generation(row.generation) if row.generation else None
    settings = CollectionSettings().updated(row.settings)
    built = CollectionSettings().updated(served.manifest["settings"]) if served else settings
    return Described(
        name=row.name,
        trajectories=library.records.count(row.id, "trajectory"),
        documents=library.records.count(row.id, "document"),
        changes=row.sequence - (served.sequence if served else 0),
        generation=row.generation,
        generation_age_s=round(time.time() - served.created_at, 1) if served else None,
        embedder=built.embedder,
        environment=settings.environment,
        index_bytes=size_of(library.folder / "collections" / str(row.id)),
        generations=len(library.catalog.generations(row.id)),
        embedder_matches=_matches(served) if served else None,
        awaiting_reindex=tuple(settings.indexed_unlike(built)),
    )


def _matches(served: Generation) -> bool | None:
    known = known_fingerprint(served.manifest["settings"]["embedder"])
    return None if known is None else known == served.manifest["embedder"]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows in aligned columns, the first of them their names."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


HEADINGS = (
    *("COLLECTION", "TRAJECTORIES", "DOCUMENTS", "CHANGES"),
    *("GENERATION", "AGE", "KEPT", "EMBEDDER", "INDEXES"),
)


def _cells(one: Described) -> tuple[str, ...]:
    return (
        one.name,
        f"{one.trajectories:,}",
        f"{one.documents:,}",
        f"{one.changes:,}",
        one.generation or "none",
        duration(one.generation_age_s) if one.generation_age_s is not None else "-",
        str(one.generations),
        one.embedder,
        readable(one.index_bytes),
    )


JOBS_LOOKED_AT = 100


def status(
    collection: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Show the collections, what they hold and serve and whether it fits; jobs; sizes."""
    from service.job_runner import UNFINISHED, is_worked_on

    with open_library(data_dir) as library:
        rows = [find_collection(library, collection)] if collection else library.catalog.list()
        described = [describe(library, row) for row in rows]
        records_bytes = size_of_database(library.folder)
        free_bytes = shutil.disk_usage(library.folder).free
        jobs = library.jobs.list(JOBS_LOOKED_AT)
        counts = library.jobs.counts()
        left = not is_worked_on(library)
    unfinished = [job for job in jobs if job.state in UNFINISHED]
    if json:
        answer(
            {
                "collections": [asdict(one) for one in described],
                "records_bytes": records_bytes,
                "free_bytes": free_bytes,
                "jobs": {
                    "counts": counts,
                    "unfinished": [asdict(job) | {"left": left} for job in unfinished],
                },
            }
        )
        return
    typer.echo(table([HEADINGS, *map(_cells, described)]))
    typer.echo(
        f"\nrecords and embeddings of all collections: {readable(records_bytes)} in {data_dir / DATABASE}; "
        f"{readable(free_bytes)} are free"
    )
    for line in (*_on_jobs(jobs, unfinished, left), *(line for one in described for line in _misfits(one))):
        typer.echo(line)


def _on_jobs(jobs: Sequence[Job], unfinished: Sequence[Job], left: bool) -> Iterator[str]:
    state = "left by a process that ended, taken up when the service starts"
    for job in unfinished:
        progress = job.progress
        counted = f", {progress.stage} {progress.done:,} of {progress.total:,}" if progress.total else ""
        yield f"job {job.id}: {job.kind} of {job.collection}, {state if left else job.state}{counted}"
    if jobs and (last := jobs[0]).state == "failed":
        yield f"job {last.id}: {last.kind} of {last.collection} failed: {last.error}"


def _misfits(one: Described) -> Iterator[str]:
    """What of a collection waits for its operator."""
    if one.embedder_matches is False:
        yield f"{one.name}: indexed with another build of its embedder; run: precedent reindex {one.name}"
    if one.awaiting_reindex:
        told = f"a changed {', '.join(one.awaiting_reindex)} waits for the next generation"
        yield f"{one.name}: {told}; run: precedent reindex {one.name}"


def size_of_database(folder: Path) -> int:
    """Bytes of the database and its log."""
    return sum(path.stat().st_size for path in folder.glob(f"{DATABASE}*"))
