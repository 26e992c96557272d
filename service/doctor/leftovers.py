"""What killed processes left: unfinished jobs, generations and restores, removed collections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from indexing.files import STAGE, is_used
from indexing.library import Library
from service.doctor.findings import Finding, warning
from service.job_runner import UNFINISHED, is_worked_on
from service.sizes import readable, size_of


def check_leftovers(library: Library) -> Iterator[Finding]:
    """Folders that nothing owns and nobody works in, jobs that nobody works on."""
    counts = library.jobs.counts()
    unfinished = sum(counts.get(state, 0) for state in UNFINISHED)
    if unfinished and not is_worked_on(library):
        jobs = "1 job was" if unfinished == 1 else f"{unfinished:,} jobs were"
        yield warning(
            "jobs", f"{jobs} left by a process that ended", "start the service, which takes them up"
        )
    left = list(_leftovers(library))
    if left:
        size = readable(sum(map(size_of, left)))
        folders = "1 folder" if len(left) == 1 else f"{len(left):,} folders"
        what = f"{size} in {folders} were left by processes that were killed: {left[0].name}"
        yield warning("data folder", what, "restart the service, which removes them")


def _leftovers(library: Library) -> Iterator[Path]:
    root = library.folder / "collections"
    yield from (path for path in sorted(root.glob(f"{STAGE}*")) if not is_used(path))
    for folder in sorted(path for path in root.glob("*") if path.name.isdecimal() and path.is_dir()):
        if is_used(root / f"{folder.name}.lock"):
            continue  # something is being built there
        owned = {row.id for row in library.catalog.generations(int(folder.name))}
        if any(str(row.id) == folder.name for row in library.catalog.list()):
            yield from (path for path in sorted(folder.iterdir()) if path.name not in owned)
        else:
            yield folder
