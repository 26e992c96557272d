"""The store as it stands at one moment, read at leisure in one transaction while others write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, func, select

from indexing.store import schema
from indexing.store.catalog import Collection, Generation, collection_row, generation_row
from indexing.store.database import read
from indexing.store.records import SCAN_PAGE, STORED, Kind, Stored, stored_row
from indexing.store.vectors import find_vectors


class Moment:
    """What the store holds at one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def collections(self) -> list[Collection]:
        """All collections by name."""
        query = select(schema.collections).order_by(schema.collections.c.name)
        return [collection_row(row) for row in self._connection.execute(query)]

    def generation(self, id: str) -> Generation | None:
        """The generation of this id."""
        query = select(schema.generations).where(schema.generations.c.id == id)
        row = self._connection.execute(query).one_or_none()
        return generation_row(row) if row else None

    def count(self, collection: int, kind: Kind) -> int:
        """How many records there are."""
        kept = schema.records.c
        query = select(func.count()).where(kept.collection == collection, kept.kind == kind)
        return self._connection.scalar(query) or 0

    def records(self, collection: int) -> Iterator[tuple[Kind, Stored]]:
        """All records by the number of their last change, a page in memory at a time."""
        kept = schema.records.c
        query = select(kept.kind, *STORED).where(kept.collection == collection)
        after = -1
        while page := self._connection.execute(
            query.where(kept.sequence > after).order_by(kept.sequence).limit(SCAN_PAGE)
        ).all():
            yield from ((row.kind, stored_row(row)) for row in page)
            after = page[-1].sequence

    def deletions(self, collection: int) -> list[tuple[Kind, str, int]]:
        """What was deleted, by the number of that change."""
        gone = schema.deletions.c
        query = select(gone.kind, gone.id, gone.sequence).where(gone.collection == collection)
        rows = self._connection.execute(query.order_by(gone.sequence))
        return [(row.kind, row.id, row.sequence) for row in rows]

    def vectors(self, model: str, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those of the vectors that are there, as little-endian float32."""
        return dict(find_vectors(self._connection, model, hashes))


@contextmanager
def at_one_moment(engine: Engine) -> Iterator[Moment]:
    """The store as it stands when this is first asked something."""
    with read(engine) as connection:
        yield Moment(connection)
