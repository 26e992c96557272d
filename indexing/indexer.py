"""The thread that makes what was written searchable, and those who wait for it."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from indexing.errors import NotFound, Overloaded, PrecedentError, StorageFailed, StorageFull
from indexing.live import LiveCollection
from indexing.store.records import RecordStore

log = logging.getLogger(__name__)

DATABASE = "what was written is kept, but the database can't be read to index it; see the log"

DISK = (
    "what was written is kept, and searchable as soon as the disk, which is full or fails, lets it be indexed"
)

ROUNDS = 2
"""How often garbage is collected after a swap: at the first time requests may still use what was served."""

PAUSE_S = 1.0
"""How often it looks for what other processes wrote; what this one writes wakes it."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a collection can't be indexed, and the round in which that was found."""

    error: PrecedentError
    round: int


class Indexer:
    """Brings live collections up to date with the store, one after the other."""

    def __init__(
        self,
        records: RecordStore,
        live: Callable[[], Iterable[LiveCollection]],
        succeed: Callable[[LiveCollection], None],
    ) -> None:
        self._records = records
        self._live = live
        self._succeed = succeed
        self._failures: dict[int, _Failure] = {}
        self._round = 0
        self._changed = threading.Condition()
        self._closing = False
        self._to_forget = 0
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was written, or was made searchable."""
        with self._changed:
            self._changed.notify_all()

    def forget(self) -> None:
        """A collection's former state is served no more: let its files go soon.

        Its snapshots know what was derived from them, which knows them: circles, that nothing but the
        garbage collector breaks, and of its own accord it may not come by for hundreds of swaps.
        """
        self._to_forget = ROUNDS

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
            What was written can't be indexed: it was tried after this was called, and failed.
        """
        end = time.monotonic() + timeout_s
        asked = self._round
        while (found := live()).applied < sequence:
            self.wake()
            with self._changed:
                self._changed.wait(0.05)
            failure = self._failures.get(found.id)
            if failure is not None and failure.round > asked:
                raise failure.error
            if time.monotonic() > end:
                raise Overloaded("kept, but not searchable yet: indexing is behind; ask again later", 5.0)

    def _fail(self, collection: int, error: Exception) -> None:
        """Tell those who wait, and once the log: it is tried again and again until it can be done."""
        match error:
            case StorageFull() | StorageFailed():
                told: PrecedentError = type(error)(DISK)
            case PrecedentError():
                told = error
            case _:
                told = PrecedentError(DATABASE)
        before = self._failures.get(collection)
        if before is None or str(before.error) != str(told):
            log.error("collection %d can't be indexed: %s", collection, error)
        self._failures[collection] = _Failure(told, self._round)

    def _run(self) -> None:
        while not self._closing:
            with self._changed:
                self._changed.wait(PAUSE_S)
            self._round += 1
            self._bring_up_to_date()
            if self._to_forget:
                self._to_forget -= 1
                gc.collect()
            self.wake()

    def _bring_up_to_date(self) -> None:
        for live in list(self._live()):
            try:
                live.catch_up(self._records, self.closing)
                self._succeed(live)
                self._failures.pop(live.id, None)
            except NotFound:
                live.retired = True
                self._failures.pop(live.id, None)
            except (PrecedentError, SQLAlchemyError) as error:
                self._fail(live.id, error)
