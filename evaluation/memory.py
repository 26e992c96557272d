"""What is remembered while something is measured: a collection without what will be asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from indexing.embedder import Embedder
from indexing.library import Library
from indexing.records import JSON, Document, Trajectory, document_from_bytes, trajectory_from_bytes
from indexing.settings import settings_of
from retrievers.learning import learn

MEMORY = "memory"
"""The folder of these collections, beside what is measured."""

BATCH = 1_000

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told (stage, done, total); may raise to stop."""


def remember(
    memory: Library,
    name: str,
    settings: Mapping[str, JSON],
    known: Callable[[], tuple[Sequence[Trajectory], Sequence[Document]]],
    progress: Progress,
) -> None:
    """Fill and index a collection of `memory`, unless that was done before; `known` is asked only then."""
    if any(found.name == name and found.generation for found in memory.catalog.list()):
        return
    trajectories, documents = known()
    memory.create(name, settings)
    for first in range(0, len(trajectories), BATCH):
        memory.upsert(name, "trajectory", trajectories[first : first + BATCH])
    memory.upsert(name, "document", documents)
    memory.reindex(name, progress=lambda stage, done, total: progress(f"{stage} {name}", done, total))


def trajectories(library: Library, name: str) -> Iterator[Trajectory]:
    """All trajectories of a collection."""
    row = library.collection(name)
    for stored in library.records.scan(row.id, "trajectory", row.sequence):
        yield trajectory_from_bytes(stored.body)


@contextmanager
def remembering_part(
    library: Library, name: str, part: Sequence[Trajectory], folder: Path, progress: Progress
) -> Iterator[Library]:
    """A library in `folder` whose collection `name` knows these of its trajectories alone.

    It has the settings and the documents of the collection; what was embedded before isn't embedded again.
    """
    row = library.collection(name)

    def known(embedder: str) -> Embedder:
        return library.lane(embedder).embedder

    def parts() -> tuple[Sequence[Trajectory], Sequence[Document]]:
        documents = library.records.scan(row.id, "document", row.sequence)
        return part, [document_from_bytes(stored.body) for stored in documents]

    with Library(folder, known, learner=learn, vectors=library.vectors) as memory:
        remember(memory, name, settings_of(row).to_fields(), parts, progress)
        yield memory
