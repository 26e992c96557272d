"""What a comparison measures, row by row, and how it is kept while the comparison goes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from indexing.lines import Lines

Equality = Literal["slot", "template", "exact"]
EQUALITIES: tuple[Equality, ...] = ("slot", "template", "exact")

ACROSS = "mean"
"""What the mean over collections is called where a collection's name stands."""


@dataclass(frozen=True, slots=True)
class Row:
    """One variant at one step of one held-out episode.

    `slot`, `template` and `exact` are the rank, from 1, of the first demonstration whose next action
    equals the gold action so, None where none does; `reachable` says whether any trajectory in memory
    has an action of the gold action's slots. `budget` is the limit in tokens where that was what
    variants were matched by (then the ranks count only demonstrations that show the matched step), None where
    they were matched by number. `family` is the kind of task; `tokens` and `ms` are of the answer.
    """

    collection: str
    family: str
    episode: str
    step: int
    variant: str
    budget: int | None
    shown: int
    slot: int | None
    template: int | None
    exact: int | None
    reachable: bool
    tokens: int
    ms: float


class RowFile(Lines[Row]):
    """Rows of a comparison on disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Row)

    def keep_whole(self, size: int) -> None:
        """Cut off what a crash left of the last situation, where each has `size` rows."""
        if self.path.exists():
            with self.path.open("rb+") as file:
                lines = [line for line in file if line.endswith(b"\n")]
                file.truncate(sum(map(len, lines[: len(lines) // size * size])))
