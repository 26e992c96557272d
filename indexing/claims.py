"""Who is at work on what: the same isn't done a second time meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Claims:
    """Keys that somebody works on; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[bytes, threading.Event] = {}

    @contextmanager
    def take(self, keys: Sequence[bytes]) -> Iterator[tuple[list[bytes], set[threading.Event]]]:
        """Those of the keys that nobody is at, one's own within the block; the events end others' work.

        Wait for these only outside of the block: who is waited for may wait for one's own.
        """
        done = threading.Event()
        with self._lock:
            others = {key: self._taken[key] for key in keys if key in self._taken}
            mine = [key for key in keys if key not in others]
            self._taken |= dict.fromkeys(mine, done)
        try:
            yield mine, set(others.values())
        finally:
            with self._lock:
                for key in mine:
                    del self._taken[key]
            done.set()
