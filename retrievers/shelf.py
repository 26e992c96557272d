"""Trajectories as they are shown, read and priced; those used last are kept at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from indexing.records import Trajectory
from indexing.snapshot import Snapshot
from retrievers.budget import Meter
from retrievers.requests import Shown

KEPT, LONG = 1_024, 32 << 10
"""How many trajectories are kept; one whose record is of more bytes is read anew each time."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A trajectory with all its steps as shown, and what each costs where it isn't the matched one.

    `first` is the position of the first step; `frame` and `final` are the tokens of the instruction
    and, with its label, of the final observation.
    """

    record: Trajectory
    success: bool | None
    first: int
    steps: tuple[Shown, ...]
    costs: Sequence[int]
    frame: int
    final: int


class Shelf:
    """Reads and prices the trajectories of one snapshot; safe to use from many threads."""

    def __init__(self, snapshot: Snapshot, meter: Meter) -> None:
        self._snapshot = snapshot
        self._meter = meter
        self._kept = lru_cache(KEPT)(self._read)

    def __getitem__(self, number: int) -> Priced:
        return (self._kept if self._snapshot.length(number) <= LONG else self._read)(number)

    def _read(self, number: int) -> Priced:
        record = self._snapshot.trajectory(number)
        instruction, counts = self._snapshot.costs(number)
        steps = record.steps
        success = (record.outcome or {}).get("success")
        return Priced(
            record=record,
            success=success if isinstance(success, bool) else None,
            first=self._snapshot.first_position(number),
            steps=tuple(map(Shown, range(len(steps)), steps)),
            costs=self._meter.steps(
                counts[: len(steps)], [index for index, step in enumerate(steps) if step.thought is not None]
            ),
            frame=instruction,
            final=self._meter.final(int(counts[-1, 0])) if record.final_observation is not None else 0,
        )
