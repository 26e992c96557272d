"""Whole collections into the database, all of them in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from indexing.errors import Conflict
from indexing.records import JSON
from indexing.store import schema
from indexing.store.catalog import collection_row, dump
from indexing.store.database import lock_collection, write
from indexing.store.records import Kind, Stored, put_records

AT_ONCE = 500
KINDS: tuple[Kind, ...] = ("trajectory", "document")


@dataclass(frozen=True, slots=True)
class Restored:
    """A collection to be written. `generation` is the manifest of the one that is served, if any."""

    name: str
    settings: dict[str, JSON]
    sequence: int
    created_at: float
    records: Callable[[Kind], Iterator[Stored]]
    deletions: Sequence[tuple[Kind, str, int]]
    generation: dict[str, JSON] | None


def write_collections(
    engine: Engine, wanted: Iterable[Restored], replace: bool, place: Callable[[Restored, int], None]
) -> list[int]:
    """Write collections, all or none; returns the ids of those that they replaced.

    `place` is called with each one's new id before anything stands, to bring its files there.

    Raises
    ------
    Conflict
        A collection of that name is there, and it isn't to be replaced.
    """
    replaced = []
    try:
        with write(engine) as connection:
            for one in wanted:
                if (before := _removed(connection, one.name, replace)) is not None:
                    replaced.append(before)
                id = _enter(connection, one)
                for kind in KINDS:
                    _write(connection, id, kind, one.records(kind))
                place(one, id)
    except IntegrityError as error:
        raise Conflict("somebody else has just written a collection of that name; try again") from error
    return replaced


def _removed(connection: Connection, name: str, replace: bool) -> int | None:
    query = select(schema.collections).where(schema.collections.c.name == name)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if not replace:
        raise Conflict(f"there is a collection {name!r} already; restore it under another name, or over it")
    id = collection_row(row).id
    lock_collection(connection, id)
    connection.execute(delete(schema.collections).where(schema.collections.c.id == id))
    return id


def _enter(connection: Connection, one: Restored) -> int:
    """The collection's row, its deletions and its generation."""
    values = {"name": one.name, "settings": dump(one.settings), "created_at": one.created_at}
    connection.execute(insert(schema.collections), values | {"sequence": one.sequence})
    query = select(schema.collections.c.id).where(schema.collections.c.name == one.name)
    id: int = connection.scalars(query).one()
    if one.deletions:
        rows = [{"collection": id, "kind": k, "id": i, "sequence": n} for k, i, n in one.deletions]
        connection.execute(insert(schema.deletions), rows)
    if one.generation is not None:
        served = {
            "id": one.generation["id"],
            "collection": id,
            "state": "ready",
            "sequence": one.generation["sequence"],
            "created_at": time.time(),
            "manifest": dump(one.generation),
        }
        connection.execute(insert(schema.generations), served)
        chosen = update(schema.collections).where(schema.collections.c.id == id)
        connection.execute(chosen.values(generation=one.generation["id"]))
    return id


def _write(connection: Connection, collection: int, kind: Kind, records: Iterator[Stored]) -> None:
    while batch := list(islice(records, AT_ONCE)):
        put_records(connection, collection, kind, batch)
