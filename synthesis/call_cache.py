"""The calls that a run has made, on disk: what was answered is never asked, or paid, again.

One SQLite file in the run's folder, with a row for each answer and each failed attempt. A row that was
kept has reached the disk, so that a run killed at any moment finds all it was told.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from sqlalchemy import (
    URL,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from indexing.store import dialects
from indexing.store.database import read, write
from synthesis.budget import Charge

P = ParamSpec("P")
T = TypeVar("T")

FILE = "calls.db"
ANSWERED, UNREADABLE = "answered", "unreadable"

_METADATA = MetaData()
_calls = Table(
    "calls",
    _METADATA,
    Column("key", LargeBinary, primary_key=True),
    Column("kind", String, nullable=False),
    Column("role", String, nullable=False),
    Column("model", String, nullable=False),
    Column("answer", LargeBinary),  # UTF-8; models also write what is no valid text
    Column("calls", Integer, nullable=False),
    Column("tokens_in", Integer, nullable=False),
    Column("tokens_out", Integer, nullable=False),
    Column("cost", Float, nullable=False),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it ended: `kind` is "answered", "unreadable" or a failure of the model seam.

    `key` is the content's digest where there is an answer, else anything that no other call has.
    """

    key: bytes
    kind: str
    role: str
    model: str
    answer: str | None
    charge: Charge


class CallCache:
    """The file of a run's calls. Used by the tasks of one event loop; the disk is waited for in threads."""

    def __init__(self, folder: Path) -> None:
        self._engine = dialects.make_engine(URL.create("sqlite", database=str(folder / FILE)))
        with write(self._engine) as connection:
            _METADATA.create_all(connection)
        # Threads of its own: the event loop's may be taken by environments that hang.
        self._threads = ThreadPoolExecutor(2, "calls")
        self._waiting: list[Call] = []
        self._writing = asyncio.Lock()

    def close(self) -> None:
        """Close the file."""
        self._threads.shutdown()
        self._engine.dispose()

    def spent(self) -> tuple[Charge, Counter[str]]:
        """All that was ever charged, and how many attempts came to nothing, by kind."""
        columns = (_calls.c.calls, _calls.c.tokens_in, _calls.c.tokens_out, _calls.c.cost)
        sums = select(*(func.coalesce(func.sum(column), 0) for column in columns))
        kinds = select(_calls.c.kind, func.count()).where(_calls.c.kind != ANSWERED).group_by(_calls.c.kind)
        with read(self._engine) as connection:
            calls, tokens_in, tokens_out, cost = connection.execute(sums).one()
            failures = {str(kind): int(count) for kind, count in connection.execute(kinds)}
        return Charge(calls, tokens_in, tokens_out, float(cost)), Counter(failures)

    async def find(self, key: bytes) -> str | None:
        """The answer that was kept under a key."""
        return await self._in_thread(self._find, key)

    async def keep(self, call: Call) -> None:
        """Keep a call; on disk when this returns. Calls that end together share one commit."""
        self._waiting.append(call)
        async with self._writing:
            if waiting := list(self._waiting):
                await self._in_thread(self._write, waiting)
                del self._waiting[: len(waiting)]

    async def mark_unreadable(self, key: bytes) -> bool:
        """Note that an answer isn't what was asked; false where it was noted before."""
        return await self._in_thread(self._mark, key)

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.wrap_future(self._threads.submit(work, *args, **kwargs))

    def _find(self, key: bytes) -> str | None:
        with read(self._engine) as connection:
            answer: bytes | None = connection.scalar(select(_calls.c.answer).where(_calls.c.key == key))
        return None if answer is None else answer.decode("utf-8", "surrogatepass")

    def _write(self, calls: Sequence[Call]) -> None:
        with write(self._engine) as connection:
            connection.execute(insert(_calls).on_conflict_do_nothing(), [_row(call) for call in calls])

    def _mark(self, key: bytes) -> bool:
        known = (_calls.c.key == key) & (_calls.c.kind == ANSWERED)
        with write(self._engine) as connection:
            return bool(connection.execute(update(_calls).where(known).values(kind=UNREADABLE)).rowcount)


def _row(call: Call) -> dict[str, str | bytes | float | None]:
    answer = None if call.answer is None else call.answer.encode("utf-8", "surrogatepass")
    return {
        "key": call.key,
        "kind": call.kind,
        "role": call.role,
        "model": call.model,
        "answer": answer,
        "calls": call.charge.calls,
        "tokens_in": call.charge.tokens_in,
        "tokens_out": call.charge.tokens_out,
        "cost": call.charge.cost,
    }
