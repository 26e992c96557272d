"""Records in a dictionary: for users' tests, and the oracle that the SQL store is held against."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from indexing.errors import NotFound
from indexing.records import Record
from indexing.store.records import Changes, Kind, Stored, Upserted, prepare


@dataclass(slots=True)
class _Collection:
    sequence: int = 0
    records: dict[tuple[Kind, str], Stored] = field(default_factory=dict)
    deletions: dict[tuple[Kind, str], int] = field(default_factory=dict)

    def put(self, kind: Kind, record: Stored) -> str:
        known = self.records.get((kind, record.id))
        if known and known.digest == record.digest:
            return "unchanged"
        self.sequence += 1
        self.records[kind, record.id] = replace(record, sequence=self.sequence)
        self.deletions.pop((kind, record.id), None)
        return "updated" if known else "accepted"


class MemoryRecordStore:
    """A `RecordStore` without a catalog: `create` makes its collections; nothing outlives it."""

    def __init__(self) -> None:
        self._collections: dict[int, _Collection] = {}
        self._lock = threading.Lock()

    def create(self) -> int:
        """The id of a new, empty collection."""
        with self._lock:
            id = len(self._collections) + 1
            self._collections[id] = _Collection()
            return id

    def upsert(self, collection: int, kind: Kind, records: Sequence[Record]) -> Upserted:
        batch = prepare(kind, records)
        with self._lock:
            kept = self._existing(collection)
            last = {record.id: record.digest for record in batch}
            there = {id: kept.records[kind, id].digest for id in last if (kind, id) in kept.records}
            same = {id for id in there if there[id] == last[id]}
            outcomes = ["unchanged" if record.id in same else kept.put(kind, record) for record in batch]
            accepted, updated = outcomes.count("accepted"), outcomes.count("updated")
            return Upserted(accepted, updated, len(batch) - accepted - updated, kept.sequence)

    def delete(self, collection: int, kind: Kind, id: str) -> int | None:
        with self._lock:
            kept = self._existing(collection)
            if kept.records.pop((kind, id), None) is None:
                return None
            kept.sequence += 1
            kept.deletions[kind, id] = kept.sequence
            return kept.sequence

    def get(self, collection: int, kind: Kind, id: str) -> Stored | None:
        return next((record for record in self._all(collection, kind) if record.id == id), None)

    def page(self, collection: int, kind: Kind, after: str | None, limit: int) -> list[Stored]:
        records = self._all(collection, kind)
        return [record for record in records if after is None or record.id > after][:limit]

    def changes(self, collection: int, since: int, limit: int) -> Changes:
        with self._lock:
            kept = self._existing(collection)
            upserts = sorted(
                (s.sequence, kind, s) for (kind, _), s in kept.records.items() if s.sequence > since
            )
            deletions = sorted((n, kind, id) for (kind, id), n in kept.deletions.items() if n > since)
            last = kept.sequence
        numbers = sorted([entry[0] for entry in upserts] + [entry[0] for entry in deletions])
        if len(numbers) > limit:
            last = numbers[limit - 1] if limit > 0 else since
        return Changes(
            [(kind, record) for number, kind, record in upserts if number <= last],
            [(kind, id, number) for number, kind, id in deletions if number <= last],
            last,
        )

    def deletions(self, collection: int, since: int) -> Changes:
        with self._lock:
            kept = self._existing(collection)
            gone = sorted((n, kind, id) for (kind, id), n in kept.deletions.items() if n > since)
            return Changes([], [(kind, id, number) for number, kind, id in gone], kept.sequence)

    def count(self, collection: int, kind: Kind, up_to: int | None = None) -> int:
        records = self._all(collection, kind)
        return sum(up_to is None or record.sequence <= up_to for record in records)

    def scan(self, collection: int, kind: Kind, up_to: int) -> Iterator[Stored]:
        return (record for record in self._all(collection, kind) if record.sequence <= up_to)

    def _existing(self, collection: int) -> _Collection:
        if collection not in self._collections:
            raise NotFound("no such collection; it was removed")
        return self._collections[collection]

    def _all(self, collection: int, kind: Kind) -> list[Stored]:
        with self._lock:
            kept = self._collections.get(collection, _Collection())
            records = [record for (of, _), record in kept.records.items() if of == kind]
        return sorted(records, key=lambda record: record.id)
