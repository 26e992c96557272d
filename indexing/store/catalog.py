"""Collections, and which generation of each is served."""

from __future__ import annotations

import builtins
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, Engine, Row, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from indexing.errors import Conflict, NotFound
from indexing.records import JSON
from indexing.store.database import lock_collection, look, read, write
from indexing.store.schema import collections, generations

GenerationState: TypeAlias = Literal["building", "ready", "retired", "failed", "withdrawn"]
"""Withdrawn: rolled back from, and so never rolled back to."""


@dataclass(frozen=True, slots=True)
class Collection:
    """The trajectories and documents of one environment. `generation` is the served one, if any."""

    id: int
    name: str
    settings: Mapping[str, JSON]
    sequence: int
    generation: str | None
    created_at: float


@dataclass(frozen=True, slots=True)
class Generation:
    """One build of a collection's indexes, of the records as they stood at `sequence`."""

    id: str
    collection: int
    state: GenerationState
    sequence: int
    created_at: float
    manifest: Mapping[str, JSON]


class Catalog:
    """The collections of a database and their generations; what concerns none raises NotFound."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        query = select(collections.c.id, collections.c.sequence, collections.c.generation)
        compiled = query.where(collections.c.name == bindparam("name")).compile(dialect=engine.dialect)
        self._state_query = str(compiled)
        self._positional = compiled.positional

    def create(self, name: str, settings: Mapping[str, JSON]) -> Collection:
        """A new, empty collection; raises Conflict where the name is taken."""
        values = {"name": name, "settings": dump(settings), "created_at": time.time()}
        try:
            with write(self._engine) as connection:
                connection.execute(insert(collections), values)
                query = select(collections).where(collections.c.name == name)
                return collection_row(connection.execute(query).one())
        except IntegrityError:
            raise Conflict(f"there is a collection {name!r} already") from None

    def get(self, name: str) -> Collection | None:
        """The collection of this name."""
        with read(self._engine) as connection:
            row = connection.execute(select(collections).where(collections.c.name == name)).one_or_none()
        return collection_row(row) if row else None

    def list(self, names: frozenset[str] | None = None) -> builtins.list[Collection]:
        """All collections by name; with `names`, only those of them that are there."""
        query = select(collections).order_by(collections.c.name)
        if names is not None:
            query = query.where(collections.c.name.in_(names))
        with read(self._engine) as connection:
            rows = connection.execute(query).all()
        return [collection_row(row) for row in rows]

    def state(self, name: str) -> tuple[int, int, str | None] | None:
        """Id, sequence and served generation, by the cheapest read there is: each request asks for it."""
        with look(self._engine) as cursor:
            cursor.execute(self._state_query, (name,) if self._positional else {"name": name})
            row = cursor.fetchone()
        return (row[0], row[1], row[2]) if row else None

    def update_settings(self, id: int, settings: Mapping[str, JSON]) -> None:
        """Replace a collection's settings."""
        with write(self._engine) as connection:
            lock_collection(connection, id)
            _set(connection, id, settings=dump(settings))

    def delete(self, id: int) -> None:
        """Remove a collection and all that belongs to it."""
        with write(self._engine) as connection:
            lock_collection(connection, id)
            connection.execute(delete(collections).where(collections.c.id == id))

    def add_generation(self, generation: Generation) -> None:
        """Enter a generation; serving it is another step. Raises Conflict for an id that is taken."""
        with self._entering(generation):
            pass

    def publish(self, generation: Generation, settled: Callable[[Collection], Mapping[str, JSON]]) -> None:
        """Enter a generation and serve it, in one transaction.

        `settled` gets the collection as it stands then and gives its settings from now on; what it raises
        leaves all as it was. Else raises as `add_generation` does.
        """
        with self._entering(generation) as connection:
            query = select(collections).where(collections.c.id == generation.collection)
            now = collection_row(connection.execute(query).one())
            _serve(connection, generation.collection, generation.id)
            _set(connection, generation.collection, settings=dump(settled(now)))

    @contextmanager
    def _entering(self, generation: Generation) -> Iterator[Connection]:
        values = {
            "id": generation.id,
            "collection": generation.collection,
            "state": generation.state,
            "sequence": generation.sequence,
            "created_at": generation.created_at,
            "manifest": dump(generation.manifest),
        }
        try:
            with write(self._engine) as connection:
                lock_collection(connection, generation.collection)
                connection.execute(insert(generations), values)
                yield connection
        except IntegrityError:
            raise Conflict(f"there is a generation {generation.id!r} already") from None

    def generation(self, id: str) -> Generation | None:
        """The generation of this id."""
        with read(self._engine) as connection:
            row = connection.execute(select(generations).where(generations.c.id == id)).one_or_none()
        return generation_row(row) if row else None

    def generations(self, collection: int) -> builtins.list[Generation]:
        """A collection's generations, newest first."""
        columns = generations.c
        order = columns.created_at.desc(), columns.sequence.desc(), columns.id.desc()
        query = select(generations).where(columns.collection == collection).order_by(*order)
        with read(self._engine) as connection:
            return [generation_row(row) for row in connection.execute(query)]

    def set_generation_state(self, id: str, state: GenerationState) -> None:
        """Enter what became of a generation."""
        with write(self._engine) as connection:
            _mark(connection, id, state)

    def serve(self, collection: int, generation: str | None) -> None:
        """Serve a generation, or none, in one transaction; the one before retires."""
        with write(self._engine) as connection:
            lock_collection(connection, collection)
            _serve(connection, collection, generation)

    def roll_back(self, collection: int, generation: str, settings: Mapping[str, JSON]) -> None:
        """Serve a generation with its settings in one transaction; the one that was served is withdrawn."""
        with write(self._engine) as connection:
            lock_collection(connection, collection)
            query = select(collections.c.generation).where(collections.c.id == collection)
            left = connection.scalar(query)
            _serve(connection, collection, generation)
            if left is not None:
                _mark(connection, left, "withdrawn", collection)
            _set(connection, collection, settings=dump(settings))

    def delete_generation(self, id: str) -> None:
        """Strike a generation out; raises Conflict for one that is served."""
        with write(self._engine) as connection:
            collection = connection.scalar(select(generations.c.collection).where(generations.c.id == id))
            if collection is None:
                raise NotFound(f"no generation {id!r}")
            lock_collection(connection, collection)
            if connection.scalar(select(collections.c.name).where(collections.c.generation == id)):
                raise Conflict(f"generation {id!r} is served; serve another first")
            connection.execute(delete(generations).where(generations.c.id == id))


def _serve(connection: Connection, collection: int, generation: str | None) -> None:
    previous = connection.scalar(select(collections.c.generation).where(collections.c.id == collection))
    if generation is not None:
        _mark(connection, generation, "ready", collection)
    if previous not in (None, generation):
        stood = generations.c.id == previous, generations.c.state != "failed"  # a broken one stays marked
        connection.execute(update(generations).where(*stood).values(state="retired"))
    _set(connection, collection, generation=generation)


def _set(connection: Connection, id: int, **values: str | None) -> None:
    connection.execute(update(collections).where(collections.c.id == id).values(**values))


def _mark(connection: Connection, id: str, state: GenerationState, collection: int | None = None) -> None:
    statement = update(generations).where(generations.c.id == id).values(state=state)
    if collection is not None:
        statement = statement.where(generations.c.collection == collection)
    if not connection.execute(statement).rowcount:
        raise NotFound(f"no generation {id!r}")


def dump(value: Mapping[str, JSON]) -> str:
    """A JSON object as it is kept."""
    return json.dumps(dict(value), ensure_ascii=False)


def collection_row(row: Row[Any]) -> Collection:
    """A collection from its row."""
    return Collection(
        row.id, row.name, json.loads(row.settings), row.sequence, row.generation, row.created_at
    )


def generation_row(row: Row[Any]) -> Generation:
    """A generation from its row."""
    return Generation(
        row.id, row.collection, row.state, row.sequence, row.created_at, json.loads(row.manifest)
    )
