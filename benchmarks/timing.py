"""Time taken fairly: what is compared runs by turns, and medians speak, because machines are noisy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any, TypeVar

T = TypeVar("T")


def seconds(work: Callable[[], Any]) -> float:
    """How long `work` takes, once."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def by_turns(items: Iterable[T], *works: Callable[[T], Any]) -> list[list[float]]:
    """The seconds of each work on each item, A B A B; who goes first changes with every item."""
    taken: list[list[float]] = [[] for _ in works]
    for turn, item in enumerate(items):
        for step in range(len(works)):
            which = (turn + step) % len(works)
            started = time.perf_counter()
            works[which](item)
            taken[which].append(time.perf_counter() - started)
    return taken


def spread(values: Sequence[float], factor: float = 1e3) -> str:
    """Least, median and most of some times, in milliseconds unless `factor` says otherwise."""
    low, middle, high = min(values) * factor, median(values) * factor, max(values) * factor
    return f"min {low:.3g}, median {middle:.3g}, max {high:.3g}"
