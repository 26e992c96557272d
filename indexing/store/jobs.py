"""Long work and how far it is, told to every process and kept over restarts."""

from __future__ import annotations

import builtins
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, TypedDict, Unpack

from sqlalchemy import Engine, Row, delete, func, insert, select, update

from indexing.errors import Conflict, NotFound
from indexing.records import JSON
from indexing.store.database import read, write
from indexing.store.schema import jobs

JobState: TypeAlias = Literal["queued", "running", "succeeded", "failed", "cancelled"]

INTERRUPTED = "the process that worked on it ended each time it was begun; see the log, then start it again"


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of how much is done, and of what; `total` is None while nobody knows."""

    done: int = 0
    total: int | None = None
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of long work. Times are seconds since the epoch; `heartbeat_at` is its last sign of life."""

    id: str
    kind: str
    collection: str | None
    created_at: float
    state: JobState = "queued"
    request: Mapping[str, JSON] = field(default_factory=dict)
    progress: Progress = Progress()
    error: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    heartbeat_at: float | None = None
    attempt: int = 0
    """How often it was begun."""
    result: Mapping[str, JSON] | None = None
    """What it found out, where that is what it is for."""


class JobFields(TypedDict, total=False):
    """What may change about a job."""

    state: JobState
    progress: Progress
    error: str | None
    started_at: float | None
    finished_at: float | None
    heartbeat_at: float | None
    attempt: int
    result: Mapping[str, JSON] | None


class JobStore:
    """The jobs of a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, job: Job) -> None:
        """Enter a job."""
        fields = {name: getattr(job, name) for name in Job.__dataclass_fields__}
        row = _columns(fields) | {"request": json.dumps(dict(job.request), ensure_ascii=False)}
        with write(self._engine) as connection:
            connection.execute(insert(jobs), row)

    def get(self, id: str) -> Job | None:
        """The job of this id."""
        with read(self._engine) as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == id)).one_or_none()
        return _job(row) if row else None

    def list(self, limit: int, of: frozenset[str] | None = None) -> builtins.list[Job]:
        """The newest `limit` jobs, newest first; with `of`, only those of these collections."""
        query = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        if of is not None:
            query = query.where(jobs.c.collection.in_(of))
        with read(self._engine) as connection:
            return [_job(row) for row in connection.execute(query)]

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in each state that any is in."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        with read(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def forget(self, keep: int) -> int:
        """Forget finished jobs but the newest `keep` of all; how many those were."""
        newest = select(jobs.c.id).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(keep)
        over = jobs.c.state.not_in(["queued", "running"]), jobs.c.id.not_in(newest)
        with write(self._engine) as connection:
            return connection.execute(delete(jobs).where(*over)).rowcount

    def update(
        self, id: str, expected: tuple[JobState, ...] | None = None, **fields: Unpack[JobFields]
    ) -> None:
        """Change a job.

        With `expected`, only one that is in one of these states, else Conflict: so a worker can't
        overwrite a cancellation. Raises NotFound where there is no such job.
        """
        with write(self._engine) as connection:
            query = select(jobs.c.state, jobs.c.progress).where(jobs.c.id == id).with_for_update()
            row = connection.execute(query).one_or_none()
            if row is None:
                raise NotFound(f"no job {id!r}")
            if expected is not None and row.state not in expected:
                raise Conflict(f"job {id!r} is {row.state}")
            columns = _columns(fields, json.loads(row.progress))
            connection.execute(update(jobs).where(jobs.c.id == id).values(**columns))

    def take_up(
        self, most_attempts: int, silent_since: float | None = None
    ) -> tuple[builtins.list[Job], int]:
        """Queue again what a process that ended has left unfinished, oldest first.

        What was begun `most_attempts` times is marked as failed instead; returns also how many those
        were. With `silent_since`, only jobs without a sign of life since then: for databases that
        several working processes share.
        """
        unfinished = select(jobs).where(jobs.c.state.in_(["queued", "running"])).order_by(jobs.c.created_at)
        if silent_since is not None:
            seen = func.coalesce(jobs.c.heartbeat_at, jobs.c.started_at, jobs.c.created_at)
            unfinished = unfinished.where(seen < silent_since)
        with write(self._engine) as connection:
            left = [_job(row) for row in connection.execute(unfinished.with_for_update())]
            again = [job for job in left if job.attempt < most_attempts]
            for job in left:
                columns: dict[str, Any] = {"state": "queued"}
                if job.attempt >= most_attempts:
                    columns = {"state": "failed", "error": INTERRUPTED, "finished_at": time.time()}
                connection.execute(update(jobs).where(jobs.c.id == job.id).values(**columns))
        return [replace(job, state="queued") for job in again], len(left) - len(again)


_KNOWN = ("progress", "attempt", "result")
"""What is kept together in one column: it changes all the time, and nothing is looked up by it."""


def _columns(fields: Mapping[str, Any], before: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    columns = {name: value for name, value in fields.items() if name not in _KNOWN}
    known = {name: fields[name] for name in _KNOWN if name in fields}
    if known:
        progress = known.pop("progress", None)
        told = {**before, **(asdict(progress) if progress is not None else {}), **known}
        columns["progress"] = json.dumps(told, ensure_ascii=False)
    return columns


def _job(row: Row[Any]) -> Job:
    fields = row._asdict()
    known = json.loads(fields.pop("progress"))
    attempt, result = known.pop("attempt", 0), known.pop("result", None)
    request = json.loads(fields.pop("request"))
    return Job(request=request, progress=Progress(**known), attempt=attempt, result=result, **fields)
