"""What a comparison measures, row by row, and how it is kept while the comparison goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic_core import from_json, to_json

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


class RowFile:
    """Rows of a comparison on disk, one JSON array a line: what is there already need not be done again."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Iterator[Row]:
        """All whole rows; a last line that a crash cut off is passed over."""
        if self.path.exists():
            for line in self.path.read_bytes().splitlines(keepends=True):
                if line.endswith(b"\n"):
                    yield Row(**from_json(line))

    def keep_whole(self, size: int) -> None:
        """Cut off what a crash left of the last situation, where each has `size` rows."""
        if self.path.exists():
            with self.path.open("rb+") as file:
                lines = [line for line in file if line.endswith(b"\n")]
                file.truncate(sum(map(len, lines[: len(lines) // size * size])))

    def append(self, rows: list[Row]) -> None:
        """Add rows of one situation; a cut-off last line is mended first."""
        with self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, 2)
                if file.read(1) != b"\n":
                    self._cut()
            file.write(b"".join(to_json(asdict(row)) + b"\n" for row in rows))

    def _cut(self) -> None:
        whole = self.path.read_bytes().rfind(b"\n") + 1
        with self.path.open("rb+") as file:
            file.truncate(whole)
