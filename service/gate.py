"""A few threads for CPU-bound work, and a bounded queue before them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from indexing.errors import DeadlineExceeded, Overloaded

T = TypeVar("T")

GRACE_S = 0.25
"""The shortest time that a caller waits for a thread, however near its deadline."""

CALM_S = 1.0
"""How long after the last refusal the whole queue may be used again."""

CROWDED = 8
"""The part of the queue that is used until then: who is let in waits no longer than in a busy hour."""

TOO_MANY = "more is asked than can be answered; try again in a second"


class Gate:
    """Lets `threads` calls work at once and `waiting` more wait; one more is told to come again.

    A burst may fill the queue. Once it has overflowed more is sent than can be answered, and a long queue
    would only have everybody wait for long: so a short one is kept, until a while after the last refusal.
    Where as many were refused as may wait, it was no mere burst: those who came last are told to go, too.

    `refused` and `late` count who was turned away at once, and while waiting.

    Threads of its own, because the way to one of anyio's and back takes longer.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(threads, "searching")
        self._running = threads
        self._waiting = waiting
        self._inside: dict[Future[Any], None] = {}
        """In the order they came."""
        self._sent_away: set[Future[Any]] = set()
        self._refused_at = float("-inf")
        self._refusals = 0
        self.refused = 0
        self.late = 0

    @property
    def places(self) -> int:
        """How many may work and wait at once."""
        return self._running + self._waiting

    @property
    def inside(self) -> int:
        """How many work and wait now."""
        return len(self._inside)

    def close(self) -> None:
        """Let the threads go when they have ended what they do; nothing else is begun."""
        self._threads.shutdown(cancel_futures=True)

    def check(self) -> None:
        """Raise Overloaded where nobody is let in now: before any work is done for them."""
        now = time.monotonic()
        crowded = now - self._refused_at < CALM_S
        waiting = self._short if crowded else self._waiting
        if len(self._inside) >= self._running + waiting:
            self._refused_at = now
            self._refusals = self._refusals + 1 if crowded else 1
            if self._refusals == self._waiting:
                self._send_away()
            self.refused += 1
            raise Overloaded(TOO_MANY)

    @property
    def _short(self) -> int:
        return -(-self._waiting // CROWDED)

    def _send_away(self) -> None:
        """All who wait but the first few."""
        inside = [one for one in self._inside if not one.done()]
        self._sent_away.update(one for one in inside[self._running + self._short :] if one.cancel())

    async def run(self, work: Callable[[], T], deadline: float) -> T:
        """What `work` returns, from a thread that came free before `deadline` (time.monotonic).

        Raises
        ------
        Overloaded
            The queue is full, or was and had to be shortened; the work was not begun.
        DeadlineExceeded
            No thread came free in time; the work was not begun.
        """
        self.check()
        working = self._threads.submit(copy_context().run, work)
        self._inside[working] = None
        patience = max(deadline - time.monotonic(), GRACE_S)
        end = asyncio.get_running_loop().call_later(patience, working.cancel)
        try:
            return await asyncio.wrap_future(working)
        except asyncio.CancelledError:
            if (caller := asyncio.current_task()) is not None and caller.cancelling():
                raise
            if working in self._sent_away:
                self.refused += 1
                raise Overloaded(TOO_MANY) from None
            self.late += 1
            raise DeadlineExceeded("no thread came free before the deadline; allow more time") from None
        finally:
            end.cancel()
            self._sent_away.discard(working)
            del self._inside[working]
