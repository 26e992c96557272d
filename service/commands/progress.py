"""How far long work is: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from service.commands.common import say

LINE_EVERY_S = 3.0
DRAW_EVERY_S = 0.1
UNITS = {
    "asking": "steps",
    "beginning": "tasks",
    "checking": "generations",
    "comparing": "situations",
    "embedding": "texts",
    "measuring": "MB",
    "playing": "episodes",
    "reading back": "MB",
    "saving": "MB",
    "writing": "generation",
}
"""What the stages that begin with these words count; the others count records."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Where a stage of the work began, and so how fast it is."""

    stage: str
    first: int
    since: float

    def describe(self, done: int, total: int | None, now: float) -> str:
        """`embedding: 3,000 of 10,000 texts, 310/s, 23 s left`."""
        unit = next((unit for begins, unit in UNITS.items() if self.stage.startswith(begins)), "records")
        seconds = now - self.since
        rate = (done - self.first) / seconds if seconds > 0 else 0.0
        counted = f"{done:,} {unit}" if total is None else f"{done:,} of {total:,} {unit}"
        parts = [f"{self.stage}: {counted}"]
        if rate > 0:
            parts.append(f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
            if total is not None and total > done:
                parts.append(f"{duration((total - done) / rate)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """A time to read: `23 s`, `4 min`, `2.5 h`, `3 d`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} d"


class Display(Protocol):
    """Is told how far a stage of the work is; `total` is None while nobody knows. `aside` is said too."""

    def __call__(self, stage: str, done: int, total: int | None = None, aside: str = "") -> None: ...


class _Display:
    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._pace = Pace("", 0, 0.0)
        self._shown = time.monotonic()

    def __call__(self, stage: str, done: int, total: int | None = None, aside: str = "") -> None:
        now = time.monotonic()
        if stage != self._pace.stage:
            self._pace = Pace(stage, done, now)
        if now - self._shown >= self._every_s:
            self._shown = now
            told = self._pace.describe(done, total, now)
            self.show(", ".join(filter(None, (told, aside))), done, total)

    def show(self, text: str, done: int, total: int | None) -> None:  # noqa: ARG002
        say(text)


class _Bar(_Display):
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().__init__(DRAW_EVERY_S)
        columns = TextColumn("{task.description}", markup=False), BarColumn()
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self.bar.add_task("", total=None, visible=False)

    def show(self, text: str, done: int, total: int | None) -> None:
        self.bar.update(self._task, description=text, completed=done, total=total, visible=True)


@contextmanager
def display() -> Iterator[Display]:
    """A display of progress on standard error, gone when the block ends."""
    if not sys.stderr.isatty():
        yield _Display(LINE_EVERY_S)
        return
    bar = _Bar()
    with bar.bar:
        yield bar
