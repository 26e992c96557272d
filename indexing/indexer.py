"""The thread that makes what was written searchable, and those who wait for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from sqlalchemy.exc import SQLAlchemyError

from indexing.errors import NotFound, Overloaded, PrecedentError
from indexing.live import LiveCollection
from indexing.store.records import RecordStore

log = logging.getLogger(__name__)

DATABASE = "what was written is kept, but the database can't be read to index it; see the log"

PAUSE_S = 1.0
"""How often it looks for what other processes wrote; what this one writes wakes it."""


class Indexer:
    """Brings live collections up to date with the store, one after the other."""

    def __init__(self, records: RecordStore, live: Callable[[], Iterable[LiveCollection]]) -> None:
        self._records = records
        self._live = live
        self._failures: dict[int, PrecedentError] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was written, or was made searchable."""
        with self._changed:
            self._changed.notify_all()

    def closing(self) -> bool:
        """Whether to stop."""
        return self._closing

    def close(self) -> None:
        """Stop after the piece at hand; the rest is in the store."""
        self._closing = True
        self.wake()
        self._thread.join()

    def wait(self, live: Callable[[], LiveCollection], sequence: int, timeout_s: float) -> None:
        """Return when a collection is searchable up to `sequence`.

        Raises
        ------
        Overloaded
            It took longer than `timeout_s`.
        PrecedentError
            What was written can't be indexed.
        """
        end = time.monotonic() + timeout_s
        while (found := live()).applied < sequence:
            self.wake()
            with self._changed:
                self._changed.wait(0.05)
            if failure := self._failures.get(found.id):
                raise failure
            if time.monotonic() > end:
                raise Overloaded("kept, but not searchable yet: indexing is behind; ask again later", 5.0)

    def _run(self) -> None:
        while not self._closing:
            with self._changed:
                self._changed.wait(PAUSE_S)
            for live in list(self._live()):
                try:
                    live.catch_up(self._records, self.closing)
                    self._failures.pop(live.id, None)
                except NotFound:
                    live.retired = True
                except (PrecedentError, SQLAlchemyError) as error:
                    log.error("collection %d can't be indexed: %s", live.id, error)
                    told = error if isinstance(error, PrecedentError) else PrecedentError(DATABASE)
                    self._failures[live.id] = told
            self.wake()
