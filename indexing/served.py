"""What a process serves of each collection: how one state takes the place of another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack

from indexing.building import Builder
from indexing.indexer import Indexer
from indexing.live import LiveCollection
from indexing.store.records import RecordStore


class LiveCollections:
    """The served state of each collection that was opened, by id; safe to use from many threads."""

    def __init__(self, records: RecordStore) -> None:
        self.lock = threading.RLock()
        """Held while one is opened or swapped in."""
        self._by_id: dict[int, LiveCollection] = {}
        self._records = records
        self.indexer = Indexer(records, self.all, self._succeed)

    def get(self, id: int) -> LiveCollection | None:
        """The one that is served."""
        return self._by_id.get(id)

    def values(self) -> tuple[LiveCollection, ...]:
        """Those that were opened; waits for nothing."""
        return tuple(self._by_id.values())

    def all(self) -> list[LiveCollection]:
        """Those that are served."""
        with self.lock:
            self._by_id = {id: live for id, live in self._by_id.items() if not live.retired}
            return list(self._by_id.values())

    def forget(self, id: int) -> None:
        """Serve this one no longer."""
        with self.lock:
            if (live := self._by_id.pop(id, None)) is not None:
                live.retired = True

    def swap_in(
        self, live: LiveCollection, publish: Callable[[], None] = lambda: None, embed: bool = True
    ) -> None:
        """Serve this in the place of what is served, nothing that was searchable missing in between.

        Without `embed` that is so only where no other was served.
        """
        with self.lock, ExitStack() as held:
            before = self._by_id.get(live.id)
            if before is not None:
                held.enter_context(before.lock)
            live.catch_up(self._records, self.indexer.closing, embed)
            publish()
            if before is not None:
                before.retired = True
            self._by_id[live.id] = live
        self.indexer.forget()

    def renew(self, live: LiveCollection, builder: Builder) -> None:
        """Serve what has no generation by other settings: when what they ask for is embedded, or at once."""
        live.successor = None
        if builder.settings == live.builder.settings:
            return
        successor = LiveCollection(live.id, builder, None)
        successor.catch_up(self._records, self.indexer.closing, embed=False)
        with self.lock, live.lock:
            if live.retired:
                return
            if successor.applied >= live.applied:
                self.swap_in(successor, embed=False)
            else:
                live.successor = successor
        self.indexer.wake()

    def _succeed(self, live: LiveCollection) -> None:
        """Embed what a collection's successor needs, if it has one, then serve that."""
        if (successor := live.successor) is None:
            return

        def stop() -> bool:
            return self.indexer.closing() or live.retired or live.successor is not successor

        successor.catch_up(self._records, stop)
        with self.lock:
            if not stop():
                self.swap_in(successor)
