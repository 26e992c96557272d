"""Where records are kept: the seam, its values, and the SQL behind it.

Each change of a collection has a number, its sequence. Who knows everything up to one number asks
for the `changes` since, and an index built "up to" a number holds exactly what stood then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias

from sqlalchemy import ColumnElement, Connection, Engine, Row, Table, delete, func, select, update

from indexing.errors import InvalidRecord
from indexing.records import Document, Record, Trajectory, content_digest, to_bytes, to_fields
from indexing.store import schema
from indexing.store.database import current_sequence, lock_collection, read, write
from indexing.store.dialects import insert_into

Kind: TypeAlias = Literal["trajectory", "document"]

SCAN_PAGE = 200
PARAMETERS = 500
"""Most ids in one statement."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it is kept: `body` is its line of JSON, `sequence` the number of its last change."""

    id: str
    sequence: int
    digest: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Upserted:
    """What became of a batch; the three counts add up to its length."""

    accepted: int
    updated: int
    unchanged: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed, each list in order of sequence; nothing up to `sequence` is missing."""

    upserts: list[tuple[Kind, Stored]]
    deletions: list[tuple[Kind, str, int]]
    sequence: int


class RecordStore(Protocol):
    """Trajectories and documents by collection, kind and id.

    Every implementation passes `tests/contract/record_store.py`. A collection that is gone raises
    NotFound on writes and on `changes`, and reads as empty elsewhere.
    """

    def upsert(self, collection: int, kind: Kind, records: Sequence[Record]) -> Upserted:
        """Keep the records, all or none; durable on return. What is equal already changes nothing."""

    def delete(self, collection: int, kind: Kind, id: str) -> int | None:
        """Remove a record; the change's number, or None where there was none."""

    def get(self, collection: int, kind: Kind, id: str) -> Stored | None:
        """The record of this id."""

    def page(self, collection: int, kind: Kind, after: str | None, limit: int) -> list[Stored]:
        """The first `limit` records whose id is greater than `after`, in the byte order of ids."""

    def changes(self, collection: int, since: int, limit: int) -> Changes:
        """The first `limit` changes after number `since`, as they stand at one moment."""

    def deletions(self, collection: int, since: int) -> Changes:
        """All deletions after number `since`, and nothing else; cheap however much was written."""

    def count(self, collection: int, kind: Kind, up_to: int | None = None) -> int:
        """How many records there are; with `up_to`, how many of them haven't changed after that number."""

    def scan(self, collection: int, kind: Kind, up_to: int) -> Iterator[Stored]:
        """All records not changed after number `up_to`, in order of id, in little memory."""


def prepare(kind: Kind, records: Iterable[Record]) -> list[Stored]:
    """The records as they would be kept, their sequence still open (0)."""
    expected = Trajectory if kind == "trajectory" else Document
    prepared = []
    for record in records:
        if not isinstance(record, expected):
            raise InvalidRecord(f"a {type(record).__name__.lower()} among records of kind {kind!r}", "kind")
        prepared.append(Stored(record.id, 0, content_digest(to_fields(record)), to_bytes(record)))
    return prepared


def plan(
    batch: Iterable[Stored], digests: Mapping[str, str], sequence: int
) -> tuple[Upserted, dict[str, Stored]]:
    """What upserting `batch` one by one would do, and the records that then stand changed.

    A record that stands in the end as it stood before isn't written at all, whatever came between.
    `digests` holds the content of those that are there already, `sequence` the last number given.
    """
    batch = list(batch)
    last = {record.id: record.digest for record in batch}
    kept = {id for id, digest in last.items() if digests.get(id) == digest}
    present = dict(digests)
    changed: dict[str, Stored] = {}
    accepted = updated = unchanged = 0
    for record in batch:
        digest = present.get(record.id)
        if digest == record.digest or record.id in kept:
            unchanged += 1
            continue
        accepted += digest is None
        updated += digest is not None
        sequence += 1
        present[record.id] = record.digest
        changed[record.id] = replace(record, sequence=sequence)
    return Upserted(accepted, updated, unchanged, sequence), changed


class SqlRecordStore:
    """Records in a database; any number of threads and processes may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def upsert(self, collection: int, kind: Kind, records: Sequence[Record]) -> Upserted:
        batch = prepare(kind, records)
        with write(self._engine) as connection:
            last = lock_collection(connection, collection)
            digests = _digests(connection, collection, kind, {record.id for record in batch})
            result, changed = plan(batch, digests, last)
            if changed:
                _advance(connection, collection, result.sequence)
                put_records(connection, collection, kind, changed.values())
                _forget_deletions(connection, collection, kind, changed.keys() - digests.keys())
        return result

    def delete(self, collection: int, kind: Kind, id: str) -> int | None:
        with write(self._engine) as connection:
            sequence = lock_collection(connection, collection) + 1
            removed = connection.execute(
                delete(schema.records).where(*_one(schema.records, collection, kind, id))
            )
            if not removed.rowcount:
                return None
            _advance(connection, collection, sequence)
            connection.execute(
                schema.deletions.insert(),
                {"collection": collection, "kind": kind, "id": id, "sequence": sequence},
            )
        return sequence

    def get(self, collection: int, kind: Kind, id: str) -> Stored | None:
        query = select(*STORED).where(*_one(schema.records, collection, kind, id))
        with read(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return stored_row(row) if row else None

    def page(self, collection: int, kind: Kind, after: str | None, limit: int) -> list[Stored]:
        return self._page(collection, kind, after, limit)

    def changes(self, collection: int, since: int, limit: int) -> Changes:
        kept, gone = schema.records.c, schema.deletions.c
        upserts = select(kept.kind, *STORED).where(kept.collection == collection, kept.sequence > since)
        deletions = select(gone.kind, gone.id, gone.sequence).where(
            gone.collection == collection, gone.sequence > since
        )
        with read(self._engine) as connection:
            last = current_sequence(connection, collection)
            put = connection.execute(upserts.order_by(kept.sequence).limit(limit + 1)).all()
            removed = connection.execute(deletions.order_by(gone.sequence).limit(limit + 1)).all()
        order = sorted([row.sequence for row in put] + [row.sequence for row in removed])
        if len(order) > limit:
            last = order[limit - 1] if limit > 0 else since
        return Changes(
            [(row.kind, stored_row(row)) for row in put if row.sequence <= last],
            [(row.kind, row.id, row.sequence) for row in removed if row.sequence <= last],
            last,
        )

    def deletions(self, collection: int, since: int) -> Changes:
        gone = schema.deletions.c
        query = select(gone.kind, gone.id, gone.sequence).where(
            gone.collection == collection, gone.sequence > since
        )
        with read(self._engine) as connection:
            last = current_sequence(connection, collection)
            removed = connection.execute(query.order_by(gone.sequence)).all()
        return Changes([], [(row.kind, row.id, row.sequence) for row in removed], last)

    def count(self, collection: int, kind: Kind, up_to: int | None = None) -> int:
        query = (
            select(func.count()).select_from(schema.records).where(*_all(schema.records, collection, kind))
        )
        if up_to is not None:
            query = query.where(schema.records.c.sequence <= up_to)
        with read(self._engine) as connection:
            return connection.scalar(query) or 0

    def scan(self, collection: int, kind: Kind, up_to: int) -> Iterator[Stored]:
        after: str | None = None
        while page := self._page(collection, kind, after, SCAN_PAGE, schema.records.c.sequence <= up_to):
            yield from page
            after = page[-1].id

    def _page(
        self, collection: int, kind: Kind, after: str | None, limit: int, *where: ColumnElement[bool]
    ) -> list[Stored]:
        query = select(*STORED).where(*_all(schema.records, collection, kind), *where)
        if after is not None:
            query = query.where(schema.records.c.id > after)
        with read(self._engine) as connection:
            rows = connection.execute(query.order_by(schema.records.c.id).limit(limit)).all()
        return [stored_row(row) for row in rows]


STORED = (schema.records.c.id, schema.records.c.sequence, schema.records.c.digest, schema.records.c.body)


def stored_row(row: Row[*tuple[Any, ...]]) -> Stored:
    """A record from its row."""
    return Stored(row.id, row.sequence, row.digest, bytes(row.body))


def _all(table: Table, collection: int, kind: Kind) -> tuple[ColumnElement[bool], ...]:
    return table.c.collection == collection, table.c.kind == kind


def _one(table: Table, collection: int, kind: Kind, id: str) -> tuple[ColumnElement[bool], ...]:
    return *_all(table, collection, kind), table.c.id == id


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), PARAMETERS):
        yield ordered[start : start + PARAMETERS]


def _digests(connection: Connection, collection: int, kind: Kind, ids: Iterable[str]) -> dict[str, str]:
    kept = schema.records.c
    query = select(kept.id, kept.digest).where(*_all(schema.records, collection, kind))
    found: dict[str, str] = {}
    for chunk in _chunks(ids):
        found.update((row.id, row.digest) for row in connection.execute(query.where(kept.id.in_(chunk))))
    return found


def _advance(connection: Connection, collection: int, sequence: int) -> None:
    statement = update(schema.collections).where(schema.collections.c.id == collection)
    connection.execute(statement.values(sequence=sequence))


def put_records(connection: Connection, collection: int, kind: Kind, records: Iterable[Stored]) -> None:
    """Write records under the numbers that they bear."""
    statement = insert_into(connection, schema.records)
    statement = statement.on_conflict_do_update(
        index_elements=["collection", "kind", "id"],
        set_={name: statement.excluded[name] for name in ("sequence", "digest", "body")},
    )
    rows = [
        {
            "collection": collection,
            "kind": kind,
            "id": record.id,
            "sequence": record.sequence,
            "digest": record.digest,
            "body": record.body,
        }
        for record in records
    ]
    connection.execute(statement, rows)


def _forget_deletions(connection: Connection, collection: int, kind: Kind, ids: Iterable[str]) -> None:
    statement = delete(schema.deletions).where(*_all(schema.deletions, collection, kind))
    for chunk in _chunks(ids):
        connection.execute(statement.where(schema.deletions.c.id.in_(chunk)))
