"""A few threads for CPU-bound work, and a bounded queue before them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from indexing.errors import DeadlineExceeded, Overloaded

T = TypeVar("T")

GRACE_S = 0.25
"""The shortest time that a caller waits for a thread, however near its deadline."""


class Gate:
    """Lets `threads` calls work at once and `waiting` more wait; one more is told to come again.

    `inside` of `places` are taken; `refused` and `late` count who was turned away at once, and while waiting.

    Threads of its own, because the way to one of anyio's and back takes longer.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(threads, "searching")
        self.places = threads + waiting
        self.inside = 0
        self.refused = 0
        self.late = 0

    def close(self) -> None:
        """Let the threads go when they have ended what they do; nothing else is begun."""
        self._threads.shutdown(cancel_futures=True)

    async def run(self, work: Callable[[], T], deadline: float) -> T:
        """What `work` returns, from a thread that came free before `deadline` (time.monotonic).

        Raises
        ------
        Overloaded
            The queue is full.
        DeadlineExceeded
            No thread came free in time; the work was not begun.
        """
        if self.inside >= self.places:
            self.refused += 1
            raise Overloaded(f"{self.inside} requests are waiting already; try again in a second")
        self.inside += 1
        working = self._threads.submit(copy_context().run, work)
        patience = max(deadline - time.monotonic(), GRACE_S)
        end = asyncio.get_running_loop().call_later(patience, working.cancel)
        try:
            return await asyncio.wrap_future(working)
        except asyncio.CancelledError:
            if (caller := asyncio.current_task()) is not None and caller.cancelling():
                raise
            self.late += 1
            raise DeadlineExceeded("no thread came free before the deadline; allow more time") from None
        finally:
            end.cancel()
            self.inside -= 1
