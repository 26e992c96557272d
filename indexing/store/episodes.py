"""What an agent was already shown in an episode, so that it isn't shown again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import ColumnElement, Engine, delete, select, update
from sqlalchemy.exc import IntegrityError

from indexing.errors import NotFound
from indexing.store.database import read, write
from indexing.store.dialects import insert_into
from indexing.store.schema import episodes

TURNS = 256
"""Locks among which the episodes are divided."""


class EpisodeStore:
    """Ids shown, per collection, API key and the caller's name for the episode."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turns = [threading.Lock() for _ in range(TURNS)]

    @contextmanager
    def turn(self, collection: int, key: str, episode: str) -> Iterator[None]:
        """One after the other, in this process: what the one is shown the next must know of."""
        with self._turns[hash((collection, key, episode)) % TURNS]:
            yield

    def shown(self, collection: int, key: str, episode: str) -> list[str]:
        """The ids shown so far, first shown first."""
        query = select(episodes.c.shown).where(*_one(collection, key, episode))
        with read(self._engine) as connection:
            return list(json.loads(connection.scalar(query) or "[]"))

    def show(self, collection: int, key: str, episode: str, ids: Iterable[str], now: float) -> None:
        """Add ids to those shown, and the episode is in use as of `now`."""
        try:
            self._show(collection, key, episode, ids, now)
        except IntegrityError:
            raise NotFound("no such collection; it was removed") from None

    def _show(self, collection: int, key: str, episode: str, ids: Iterable[str], now: float) -> None:
        with write(self._engine) as connection:
            row = {"collection": collection, "key": key, "episode": episode, "shown": "[]", "used_at": now}
            statement = insert_into(connection, episodes)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["collection", "key", "episode"], set_={"used_at": now}
                ),
                row,
            )
            where = _one(collection, key, episode)
            before = json.loads(connection.scalars(select(episodes.c.shown).where(*where)).one())
            shown = json.dumps(list(dict.fromkeys([*before, *ids])), ensure_ascii=False)
            connection.execute(update(episodes).where(*where).values(shown=shown))

    def forget(self, before: float) -> int:
        """Forget the episodes last used before that time; how many those were."""
        with write(self._engine) as connection:
            return connection.execute(delete(episodes).where(episodes.c.used_at < before)).rowcount


def _one(collection: int, key: str, episode: str) -> tuple[ColumnElement[bool], ...]:
    where = episodes.c
    return where.collection == collection, where.key == key, where.episode == episode
