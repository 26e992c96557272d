"""Long work, one piece at a time, in a thread of its own; what is known of it is in the job store."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from indexing import building
from indexing.errors import Conflict, NotFound, Overloaded, PrecedentError, StorageFailed, StorageFull
from indexing.files import is_used, used
from indexing.library import Library
from indexing.records import JSON
from indexing.store.jobs import Job, JobFields, JobState, Progress

log = logging.getLogger(__name__)

UNFINISHED: tuple[JobState, ...] = ("queued", "running")
DRY_RUN = "dry_run"
MOST_ATTEMPTS = 3
"""How often a job is begun whose process ends over it each time: it may be what ends it."""
TOLD_EVERY_S = 0.5
ENTERED_AGAIN_S = 0.5
"""How soon the end of a job is entered again, where the database refused it."""
CANCELLED_WITHIN_S = 2.0
"""How long a cancellation waits for the work to stop before it answers that it is still running."""


Trial: TypeAlias = Callable[[Library, str, Mapping[str, JSON], building.Progress], JSON]
"""Builds a generation of a collection with changed settings, without serving it, and says how it compares."""


class Cancelled(PrecedentError):
    """The job was told to stop."""


def no_job(id: str) -> NotFound:
    """What is told of a job that isn't there, or isn't there for this caller."""
    return NotFound(f"no job {id[:80]!r}; GET /jobs lists them")


def is_worked_on(library: Library) -> bool:
    """Whether a process of this machine runs the library's jobs; one that is killed lets go at once."""
    return is_used(library.folder)


@dataclass(slots=True)
class _Work:
    """One job of this process: what stops it, and how fast its present stage goes."""

    job: Job
    stop: threading.Event = field(default_factory=threading.Event)
    over: bool = False
    ended: threading.Event = field(default_factory=threading.Event)
    stage: str | None = None
    stage_since: float = 0.0
    stage_from: int = 0
    told_at: float = 0.0
    rate: float | None = None

    def measure(self, stage: str, done: int, total: int) -> bool:
        """Take the pace; tells whether it is time to tell others."""
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.stage_since, self.stage_from, self.rate = stage, now, done, None
            self.told_at = now
            return True
        if done < total and now - self.told_at < TOLD_EVERY_S:
            return False
        self.told_at = now
        self.rate = (done - self.stage_from) / max(now - self.stage_since, 1e-6)
        return True


class JobRunner:
    """Runs reindex jobs in the order they came; at most one that isn't finished per collection."""

    def __init__(self, library: Library, try_out: Trial) -> None:
        self._library = library
        self._try_out = try_out
        self._store = library.jobs
        self._pool = ThreadPoolExecutor(1, "jobs")
        self._works: dict[str, _Work] = {}
        self._lock = threading.Lock()
        self._closing = False
        self._working = ExitStack()

    def start(self) -> None:
        """Take up what a process that ended has left unfinished; a full disk doesn't keep the start up."""
        alone = not is_worked_on(self._library)
        self._working.enter_context(used(self._library.folder))
        if not alone:
            log.warning("another process works on this folder: unfinished jobs are left to it")
            return
        try:
            self._take_up(None)
        except (Overloaded, StorageFull, StorageFailed) as refusal:
            log.warning("unfinished jobs of a process that ended can't be taken up yet: %s", refusal)
            self._pool.submit(self._take_up_later, time.time())

    def _take_up(self, silent_since: float | None) -> None:
        """Begin them again: what was embedded is kept, so most of their work is done. Not without end."""
        again, given_up = self._store.take_up(MOST_ATTEMPTS, silent_since)
        for job in again:
            log.warning("job %s was left unfinished by a process that ended; it is taken up again", job.id)
            work = _Work(job)
            with self._lock:
                future = self._begin(work)
            future.add_done_callback(partial(self._end, work))
        if given_up:
            log.error("%d jobs are marked as failed: they were begun %d times", given_up, MOST_ATTEMPTS)

    def _take_up_later(self, silent_since: float) -> None:
        """Try again until it is kept; new jobs wait, which need the disk too."""
        kept = False
        while not kept and not self._closing:
            time.sleep(ENTERED_AGAIN_S)
            with suppress(Overloaded, StorageFull, StorageFailed):
                self._take_up(silent_since)
                kept = True

    def close(self) -> None:
        """Stop the running job; it and those that wait are taken up at the next start."""
        self._closing = True
        with self._lock:
            for work in self._works.values():
                work.stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._working.close()

    def submit(self, collection: str, changes: Mapping[str, JSON], dry_run: bool = False) -> Job:
        """Enter a reindex; raises Conflict while another of the collection goes on and isn't told to stop.

        With `dry_run` what is built is only asked, and how it compares is the job's result.
        """
        with self._lock:
            for work in self._works.values():
                stopped = work.stop.is_set() and not self._closing
                if work.job.collection == collection and not (work.over or stopped):
                    raise Conflict(
                        f"job {work.job.id} reindexes {collection!r} already; wait for it, "
                        f"or cancel it with POST /jobs/{work.job.id}/cancel"
                    )
            request = dict(changes) | ({DRY_RUN: True} if dry_run else {})
            job = Job(secrets.token_hex(8), "reindex", collection, time.time(), request=request)
            self._store.add(job)
            work = _Work(job)
            future = self._begin(work)
        future.add_done_callback(partial(self._end, work))
        return job

    def _begin(self, work: _Work) -> Future[JSON]:
        self._works[work.job.id] = work
        return self._pool.submit(self._run, work)

    def cancel(self, id: str) -> Job:
        """Stop a job. It may still be running on return; one that is cancelled stays so.

        Raises
        ------
        Conflict
            It has ended otherwise, or another process runs it.
        """
        with self._lock:
            work = self._works.get(id)
        job = self.get(id)
        if job.state == "cancelled":
            return job
        if job.state not in UNFINISHED:
            raise Conflict(f"job {id} has {job.state} already")
        if work is None:
            raise Conflict(f"job {id} is {job.state} in another process; only that one can cancel it")
        work.stop.set()
        try:
            self._store.update(id, ("queued",), state="cancelled", finished_at=time.time())
        except Conflict:
            work.ended.wait(CANCELLED_WITHIN_S)
        else:
            with self._lock:
                self._works.pop(id, None)
        return self.get(id)

    def call_off(self, id: str) -> None:
        """Stop a job of this process, waiting for nothing; one that is over stays as it is."""
        with self._lock:
            work = self._works.get(id)
        if work is not None:
            work.stop.set()

    def get(self, id: str) -> Job:
        """The job of this id; raises NotFound."""
        job = self._store.get(id)
        if job is None:
            raise no_job(id)
        return job

    def pace(self, id: str) -> float | None:
        """Units a second of the job's present stage, where this process runs it."""
        with self._lock:
            work = self._works.get(id)
        return work.rate if work else None

    def _run(self, work: _Work) -> JSON:
        """Do a job's work; returns its result, if it has one."""
        job = work.job
        if work.stop.is_set():
            raise Cancelled(job.id)
        now = time.time()
        try:
            self._store.update(
                job.id,
                ("queued",),
                state="running",
                started_at=now,
                heartbeat_at=now,
                attempt=job.attempt + 1,
            )
        except Conflict:
            raise Cancelled(job.id) from None

        def progress(stage: str, done: int, total: int) -> None:
            if work.stop.is_set():
                raise Cancelled(job.id)
            if work.measure(stage, done, total):
                self._tell(job.id, Progress(done, total, stage))

        assert job.collection is not None
        changes = {name: value for name, value in job.request.items() if name != DRY_RUN}
        if job.request.get(DRY_RUN):
            return self._try_out(self._library, job.collection, changes, progress)
        self._library.reindex(job.collection, changes, progress)
        return None

    def _tell(self, id: str, progress: Progress) -> None:
        try:
            self._store.update(id, ("running",), progress=progress, heartbeat_at=time.time())
        except (Overloaded, StorageFull, StorageFailed) as error:
            log.info("progress of job %s isn't kept: %s", id, error)

    def _end(self, work: _Work, future: Future[JSON]) -> None:
        """Keep how the job ended; called once, whatever came out of it."""
        work.over = True  # before anybody can read that it is finished, and asks for another
        ended = self._outcome(work.job, future)
        before = ""
        try:
            while (refusal := self._enter(work.job.id, ended)) and not self._closing:
                if refusal != before:
                    log.warning("the end of job %s isn't kept yet: %s", work.job.id, refusal)
                before = refusal
                time.sleep(ENTERED_AGAIN_S)
        finally:
            with self._lock:
                self._works.pop(work.job.id, None)
            work.ended.set()

    def _outcome(self, job: Job, future: Future[JSON]) -> JobFields:
        """How a job ended; what this process stops with its own end waits for the next, as if not begun."""
        now = time.time()
        fault = CancelledError() if future.cancelled() else future.exception()
        match fault:
            case None:
                return {"state": "succeeded", "finished_at": now, "result": future.result()}
            case Cancelled() | CancelledError() if self._closing:
                return {"state": "queued", "attempt": job.attempt, "started_at": None}
            case Cancelled() | CancelledError():
                return {"state": "cancelled", "finished_at": now}
            case PrecedentError():
                return {"state": "failed", "finished_at": now, "error": str(fault)}
        log.error("job %s failed", job.id, exc_info=fault)
        told = f"unexpected {type(fault).__name__}; it is in the service's log"
        return {"state": "failed", "finished_at": now, "error": told}

    def _enter(self, id: str, ended: JobFields) -> str:
        """Keep how a job ended; returns why that can't be done yet: a full disk is one reason to fail."""
        try:
            self._store.update(id, UNFINISHED, **ended)
        except (Conflict, NotFound):
            log.info("job %s was finished already", id)
        except (Overloaded, StorageFull, StorageFailed) as refusal:
            return str(refusal)
        return ""
