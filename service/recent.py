"""The last answers to `/retrieve` in numbers, for a look at how it goes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: when, by which strategy, in how long, whether empty or degraded. No text of it."""

    at: float
    collection: str
    strategy: str
    ms: float
    shown: int
    degraded: bool
    stages: Mapping[str, float]


@dataclass(slots=True)
class Recent:
    """The last answers, the newest last; the oldest make room."""

    answers: deque[Answered] = field(default_factory=lambda: deque(maxlen=KEPT))

    def note(
        self, collection: str, strategy: str, timings_ms: Mapping[str, float], shown: int, degraded: bool
    ) -> None:
        """Remember an answer; `timings_ms` has its `total` and what its stages took."""
        stages = {name: ms for name, ms in timings_ms.items() if name != "total"}
        self.answers.append(
            Answered(time.time(), collection, strategy, timings_ms["total"], shown, degraded, stages)
        )

    def listed(self) -> list[Answered]:
        """All that are kept, the oldest first."""
        return list(self.answers)
