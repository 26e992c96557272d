"""Long work and how far it is, told to every process and kept over restarts."""

from __future__ import annotations

import builtins
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, TypedDict, Unpack

from sqlalchemy import Engine, Row, func, insert, select, update

from indexing.errors import Conflict, NotFound
from indexing.records import JSON
from indexing.store.database import read, write
from indexing.store.schema import jobs

JobState: TypeAlias = Literal["queued", "running", "succeeded", "failed", "cancelled"]

INTERRUPTED = "the process that worked on it ended; start it again"


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


class JobFields(TypedDict, total=False):
    """What may change about a job."""

    state: JobState
    progress: Progress
    error: str | None
    started_at: float | None
    finished_at: float | None
    heartbeat_at: float | None


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

    def update(
        self, id: str, expected: tuple[JobState, ...] | None = None, **fields: Unpack[JobFields]
    ) -> None:
        """Change a job.

        With `expected`, only one that is in one of these states, else Conflict: so a worker can't
        overwrite a cancellation. Raises NotFound where there is no such job.
        """
        with write(self._engine) as connection:
            state = connection.scalar(select(jobs.c.state).where(jobs.c.id == id).with_for_update())
            if state is None:
                raise NotFound(f"no job {id!r}")
            if expected is not None and state not in expected:
                raise Conflict(f"job {id!r} is {state}")
            connection.execute(update(jobs).where(jobs.c.id == id).values(**_columns(fields)))

    def interrupt_running(self, silent_since: float | None = None) -> int:
        """Mark as failed what a process that ended has left queued or running; how many those were.

        With `silent_since`, only jobs without a sign of life since then: for databases that
        several working processes share.
        """
        unfinished = update(jobs).where(jobs.c.state.in_(["queued", "running"]))
        if silent_since is not None:
            seen = func.coalesce(jobs.c.heartbeat_at, jobs.c.started_at, jobs.c.created_at)
            unfinished = unfinished.where(seen < silent_since)
        failed = unfinished.values(state="failed", error=INTERRUPTED, finished_at=time.time())
        with write(self._engine) as connection:
            return connection.execute(failed).rowcount


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    columns = dict(fields)
    if "progress" in columns:
        columns["progress"] = json.dumps(asdict(columns["progress"]), ensure_ascii=False)
    return columns


def _job(row: Row[Any]) -> Job:
    fields = row._asdict()
    progress = Progress(**json.loads(fields.pop("progress")))
    return Job(request=json.loads(fields.pop("request")), progress=progress, **fields)
