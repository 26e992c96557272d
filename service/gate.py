"""A few threads for CPU-bound work, and a bounded queue before them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio import CapacityLimiter, to_thread

from indexing.errors import DeadlineExceeded, Overloaded

T = TypeVar("T")

GRACE_S = 0.25
"""The shortest time that a caller waits for a thread, however near its deadline."""


class Gate:
    """Lets `threads` calls work at once and `waiting` more wait; one more is told to come again."""

    def __init__(self, threads: int, waiting: int) -> None:
        self._limiter = CapacityLimiter(threads)
        self._places = threads + waiting
        self._inside = 0

    async def run(self, work: Callable[[], T], deadline: float) -> T:
        """What `work` returns, from a thread that came free before `deadline` (time.monotonic).

        Raises
        ------
        Overloaded
            The queue is full.
        DeadlineExceeded
            No thread came free in time; the work was not begun.
        """
        if self._inside >= self._places:
            raise Overloaded(f"{self._inside} requests are waiting already; try again in a second")
        self._inside += 1
        try:
            with anyio.fail_after(max(deadline - time.monotonic(), GRACE_S)):
                return await to_thread.run_sync(work, limiter=self._limiter)
        except TimeoutError:
            raise DeadlineExceeded("no thread came free before the deadline; allow more time") from None
        finally:
            self._inside -= 1
