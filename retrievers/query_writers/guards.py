"""What keeps a slow or broken model from costing more than it must: memory, sharing, a circuit breaker.

All of it belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class LruCache(Generic[T]):
    """The `size` values last used."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[str, T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> T | None:
        """The value, now the last used, or None."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: str, value: T) -> None:
        """Keep a value; the one longest unused makes room."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._size:
            self._values.popitem(last=False)


class CircuitBreaker:
    """Open, for `pause_s` seconds, after `failures` in a row; then one attempt decides whether it closes."""

    def __init__(self, failures: int, pause_s: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._pause_s = pause_s
        self._clock = clock
        self._failures = 0
        self._closed_at = 0.0

    def admits(self) -> bool:
        """Whether to try; while open, true for one attempt in each `pause_s`."""
        if self._failures < self._limit:
            return True
        if self._clock() < self._closed_at:
            return False
        self._closed_at = self._clock() + self._pause_s
        return True

    def succeeded(self) -> None:
        """An attempt went well: closed."""
        self._failures = 0

    def failed(self) -> None:
        """An attempt failed."""
        self._failures += 1
        self._closed_at = self._clock() + self._pause_s


@dataclass(slots=True)
class _Call(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0


class SharedCalls(Generic[T]):
    """One call for all who ask for the same thing at the same time.

    Each waits as long as it can afford; when the last has left, the call is cancelled.
    `on_end` hears of every call once, however it ends.
    """

    def __init__(self, on_end: Callable[[asyncio.Task[T]], None]) -> None:
        self._on_end = on_end
        self._calls: dict[str, _Call[T]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._calls

    async def ended(
        self, key: str, start: Callable[[], Coroutine[Any, Any, T]], timeout_s: float
    ) -> asyncio.Task[T] | None:
        """The call once it has ended, however it did; None when the time is over first."""
        call = self._calls.get(key)
        if call is None:
            call = self._calls[key] = _Call(asyncio.create_task(start()))
            call.task.add_done_callback(self._on_end)
        call.waiting += 1
        try:
            await asyncio.wait({call.task}, timeout=timeout_s)
        finally:
            call.waiting -= 1
            if call.task.done() or not call.waiting:
                call.task.cancel()
                if self._calls.get(key) is call:
                    del self._calls[key]
        return call.task if call.task.done() else None
