"""What is remembered while something is measured: a collection without what will be asked about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from indexing.library import Library
from indexing.records import JSON, Document, Trajectory

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
