"""What is in a library, and how it comes there."""

from __future__ import annotations

import numpy as np

from indexing.library import Library
from indexing.records import Trajectory
from tests.support.collections import NAME, trajectory


def write(library: Library, *records: Trajectory) -> None:
    library.wait(NAME, library.upsert(NAME, "trajectory", records).sequence)


def found(library: Library) -> dict[str, Trajectory]:
    """What is searchable, by id."""
    snapshot = library.snapshot(NAME)
    numbers = np.flatnonzero(snapshot.scope((), ())).tolist()
    records = [snapshot.trajectory(number) for number in numbers]
    assert len({one.id for one in records}) == len(records)
    return {one.id: one for one in records}


def some(count: int, word: str = "red") -> list[Trajectory]:
    return [trajectory(f"t{n}", f"Find {word} {n}", [(f"page {n}", "click")]) for n in range(count)]
