"""Who changed what, when, and how it went: kept beside what was changed.

In the database rather than a file: it is as durable as the change that it tells of, several
processes may write it at once, and it goes where the records go, on SQLite as on PostgreSQL.
"""

from __future__ import annotations

import builtins
import time
from dataclasses import asdict, dataclass

from sqlalchemy import Engine, delete, insert, select

from indexing.store.database import read, write
from indexing.store.schema import audit

LONGEST = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that somebody did, or tried to.

    `key` is the id of the key that was used, "" where none was asked for; `subject` what it was done
    to besides the collection: a job, a key. `records` were kept or deleted. `status` is that of the
    answer; a command's is 0. Never anything of what was sent.
    """

    at: float
    key: str
    action: str
    status: int
    collection: str | None = None
    subject: str | None = None
    records: int | None = None


class AuditLog:
    """The entries of a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, entry: Entry) -> None:
        """Keep an entry; on disk on return."""
        values = asdict(entry)
        for name in ("collection", "subject"):  # of a client's choosing where there is no such thing
            values[name] = values[name][:LONGEST].replace("\x00", "\ufffd") if values[name] else None
        with write(self._engine) as connection:
            connection.execute(insert(audit), values)

    def command(self, action: str, subject: str) -> None:
        """Keep that somebody did this on the command line."""
        self.append(Entry(time.time(), "", action, 0, subject=subject))

    def list(
        self, limit: int, since: float = 0.0, key: str | None = None, collection: str | None = None
    ) -> builtins.list[Entry]:
        """The newest `limit` entries, newest first."""
        query = select(*(audit.c[name] for name in Entry.__dataclass_fields__)).where(audit.c.at >= since)
        if key is not None:
            query = query.where(audit.c.key == key)
        if collection is not None:
            query = query.where(audit.c.collection == collection)
        with read(self._engine) as connection:
            rows = connection.execute(query.order_by(audit.c.id.desc()).limit(limit))
            return [Entry(**row._asdict()) for row in rows]

    def forget(self, before: float) -> int:
        """Forget the entries from before that time; how many those were."""
        with write(self._engine) as connection:
            return connection.execute(delete(audit).where(audit.c.at < before)).rowcount
