"""A stream of records into a collection, batch by batch: memory stays flat however long it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.records import JSON, Document, Record, Trajectory
from indexing.settings import INDEXED, CollectionSettings

if TYPE_CHECKING:
    from indexing.library import Library
    from indexing.store.catalog import Collection
    from indexing.store.records import Kind

BATCH = 500
BATCH_CHARACTERS = 16 << 20
"""Most text in one batch, however few its records."""


@dataclass(slots=True)
class Counts:
    """What became of the records: new, changed, or there already."""

    accepted: int = 0
    updated: int = 0
    unchanged: int = 0

    @property
    def total(self) -> int:
        return self.accepted + self.updated + self.unchanged


def weight(record: Record) -> int:
    """About how many characters a record has."""
    if isinstance(record, Document):
        return len(record.title) + len(record.text)
    return sum(len(step.observation) + len(step.action) + len(step.thought or "") for step in record.steps)


class Loader:
    """Upserts records one by one given, a batch at a time; what `flush` returned from is on disk."""

    def __init__(
        self,
        library: Library,
        collection: str,
        batch: int = BATCH,
        settings: Mapping[str, JSON] | None = None,
    ) -> None:
        self.counts = Counts()
        self._settings = settings
        self._prepared = False
        self._library = library
        self._collection = collection
        self._batch = batch
        self._waiting: dict[Kind, list[Record]] = {"trajectory": [], "document": []}
        self._weight = 0

    def add(self, record: Record) -> bool:
        """Take one record; tells whether a batch was written with it."""
        self.prepare()
        waiting = self._waiting["trajectory" if isinstance(record, Trajectory) else "document"]
        waiting.append(record)
        self._weight += weight(record)
        if len(waiting) < self._batch and self._weight < BATCH_CHARACTERS:
            return False
        self.flush()
        return True

    def prepare(self) -> None:
        """Create the collection where it is missing, with its settings; the first record does it too."""
        if not self._prepared and (self._settings or self._library.catalog.get(self._collection) is None):
            self._library.create(self._collection, self._settings or {})
        self._prepared = True

    def flush(self) -> None:
        """Write what waits."""
        for kind, records in self._waiting.items():
            if records:
                done = self._library.upsert(self._collection, kind, records)
                self.counts.accepted += done.accepted
                self.counts.updated += done.updated
                self.counts.unchanged += done.unchanged
                records.clear()
        self._weight = 0


def is_indexed(library: Library, collection: Collection) -> bool:
    """Whether the served generation holds every change, built with the collection's settings."""
    served = library.catalog.generation(collection.generation) if collection.generation else None
    if served is None or served.sequence < collection.sequence:
        return False
    wanted = CollectionSettings().updated(collection.settings).to_fields()
    return all(served.manifest["settings"].get(name) == wanted[name] for name in INDEXED)
