"""API keys in SQL: only the digest of a key is kept, never the key."""

from __future__ import annotations

import builtins
import json
from typing import Any, cast

from sqlalchemy import Engine, Row, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from indexing.errors import Conflict, NotFound
from indexing.keys import Grants, Key, KeyScope
from indexing.store.database import read, write
from indexing.store.schema import keys

USED_EVERY_S = 3600.0
"""The last use is kept to the hour: a write for each request would cost more than it tells."""


class KeyStore:
    """The keys of a database; what concerns none raises NotFound."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, key: Key) -> None:
        """Keep a new key; raises Conflict for an id that is taken."""
        values = {
            "id": key.id,
            "name": key.name,
            "digest": key.digest,
            "grants": _dump(key.grants),
            "created_at": key.created_at,
            "expires_at": key.expires_at,
        }
        try:
            with write(self._engine) as connection:
                connection.execute(insert(keys), values)
        except IntegrityError:
            raise Conflict(f"there is a key {key.id!r} already") from None

    def list(self) -> builtins.list[Key]:
        """All keys, oldest first, revoked and expired ones among them."""
        query = select(keys).order_by(keys.c.created_at, keys.c.id)
        with read(self._engine) as connection:
            return [_key(row) for row in connection.execute(query)]

    def exist(self) -> bool:
        """Whether there is any key, revoked or not."""
        with read(self._engine) as connection:
            return connection.execute(select(keys.c.id).limit(1)).first() is not None

    def revoke(self, id: str, now: float) -> None:
        """A key opens nothing any more; the time of its first revocation stands."""
        with write(self._engine) as connection:
            if connection.scalar(select(keys.c.id).where(keys.c.id == id)) is None:
                raise NotFound(f"no key {id!r}")
            revoked = update(keys).where(keys.c.id == id, keys.c.revoked_at.is_(None))
            connection.execute(revoked.values(revoked_at=now))

    def forget(self, id: str) -> None:
        """Strike a key out, as if it had never been."""
        with write(self._engine) as connection:
            if not connection.execute(delete(keys).where(keys.c.id == id)).rowcount:
                raise NotFound(f"no key {id!r}")

    def used(self, id: str, now: float) -> None:
        """Keep that a key was used, unless as much is known for this hour."""
        known = or_(keys.c.used_at.is_(None), keys.c.used_at <= now - USED_EVERY_S)
        with write(self._engine) as connection:
            connection.execute(update(keys).where(keys.c.id == id, known).values(used_at=now))


def _dump(grants: Grants) -> str:
    names = {scope: None if bound is None else sorted(bound) for scope, bound in grants.items()}
    return json.dumps(names, ensure_ascii=False)


def _key(row: Row[Any]) -> Key:
    fields = row._asdict()
    grants = {
        cast("KeyScope", scope): None if bound is None else frozenset(bound)
        for scope, bound in json.loads(fields.pop("grants")).items()
    }
    return Key(grants=grants, digest=bytes(fields.pop("digest")), **fields)
