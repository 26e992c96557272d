"""Long work, one piece at a time, in a thread of its own; what is known of it is in the job store."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from indexing.errors import Conflict, NotFound, Overloaded, PrecedentError, StorageFailed, StorageFull
from indexing.library import Library
from indexing.records import JSON
from indexing.store.jobs import INTERRUPTED, Job, JobState, Progress

log = logging.getLogger(__name__)

UNFINISHED: tuple[JobState, ...] = ("queued", "running")
TOLD_EVERY_S = 0.5
ENTERED_AGAIN_S = 0.5
"""How soon the end of a job is entered again, where the database refused it."""
CANCELLED_WITHIN_S = 2.0
"""How long a cancellation waits for the work to stop before it answers that it is still running."""


class Cancelled(PrecedentError):
    """The job was told to stop."""


@dataclass(slots=True)
class _Work:
    """One job of this process: what stops it, and how fast its present stage goes."""

    job: Job
    stop: threading.Event = field(default_factory=threading.Event)
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

    def __init__(self, library: Library) -> None:
        self._library = library
        self._store = library.jobs
        self._pool = ThreadPoolExecutor(1, "jobs")
        self._works: dict[str, _Work] = {}
        self._lock = threading.Lock()
        self._closing = False

    def start(self) -> None:
        """Mark as failed what a process that ended has left unfinished; a full disk doesn't keep it up."""
        try:
            self._interrupt(None)
        except (Overloaded, StorageFull, StorageFailed) as refusal:
            log.warning("unfinished jobs of a process that ended can't be marked as failed yet: %s", refusal)
            self._pool.submit(self._interrupt_later, time.time())

    def _interrupt(self, silent_since: float | None) -> None:
        if left := self._store.interrupt_running(silent_since):
            log.warning(
                "%d jobs were left unfinished by a process that ended; they are marked as failed", left
            )

    def _interrupt_later(self, silent_since: float) -> None:
        """Try again until it is kept; new jobs wait, which need the disk too."""
        kept = False
        while not kept and not self._closing:
            time.sleep(ENTERED_AGAIN_S)
            with suppress(Overloaded, StorageFull, StorageFailed):
                self._interrupt(silent_since)
                kept = True

    def close(self) -> None:
        """Stop the running job and drop those that wait; both are marked as failed."""
        self._closing = True
        with self._lock:
            for work in self._works.values():
                work.stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, collection: str, changes: Mapping[str, JSON]) -> Job:
        """Enter a reindex; raises Conflict while another of the collection isn't finished."""
        with self._lock:
            for work in self._works.values():
                if work.job.collection == collection:
                    raise Conflict(
                        f"job {work.job.id} reindexes {collection!r} already; wait for it, "
                        f"or cancel it with POST /jobs/{work.job.id}/cancel"
                    )
            job = Job(secrets.token_hex(8), "reindex", collection, time.time(), request=dict(changes))
            work = _Work(job)
            self._store.add(job)
            self._works[job.id] = work
            future = self._pool.submit(self._run, work)
        future.add_done_callback(lambda ended: self._end(work, ended))
        return job

    def cancel(self, id: str) -> Job:
        """Stop a job; raises Conflict for one that is finished. It may still be running on return."""
        job = self.get(id)
        with self._lock:
            work = self._works.get(id)
        if work is None or job.state not in UNFINISHED:
            raise Conflict(f"job {id} is {self.get(id).state} already")
        work.stop.set()
        try:
            self._store.update(id, ("queued",), state="cancelled", finished_at=time.time())
        except Conflict:
            work.ended.wait(CANCELLED_WITHIN_S)
        else:
            with self._lock:
                self._works.pop(id, None)
        return self.get(id)

    def get(self, id: str) -> Job:
        """The job of this id; raises NotFound."""
        job = self._store.get(id)
        if job is None:
            raise NotFound(f"no job {id[:80]!r}; GET /jobs lists them")
        return job

    def pace(self, id: str) -> float | None:
        """Units a second of the job's present stage, where this process runs it."""
        with self._lock:
            work = self._works.get(id)
        return work.rate if work else None

    def _run(self, work: _Work) -> None:
        job = work.job
        now = time.time()
        try:
            self._store.update(job.id, ("queued",), state="running", started_at=now, heartbeat_at=now)
        except Conflict:
            raise Cancelled(job.id) from None

        def progress(stage: str, done: int, total: int) -> None:
            if work.stop.is_set():
                raise Cancelled(job.id)
            if work.measure(stage, done, total):
                self._tell(job.id, Progress(done, total, stage))

        assert job.collection is not None
        self._library.reindex(job.collection, job.request, progress)

    def _tell(self, id: str, progress: Progress) -> None:
        try:
            self._store.update(id, ("running",), progress=progress, heartbeat_at=time.time())
        except (Overloaded, StorageFull, StorageFailed) as error:
            log.info("progress of job %s isn't kept: %s", id, error)

    def _end(self, work: _Work, future: Future[None]) -> None:
        """Keep how the job ended; called once, whatever came out of it."""
        state: JobState = "succeeded"
        error: str | None = None
        before = ""
        fault = CancelledError() if future.cancelled() else future.exception()
        match fault:
            case None:
                pass
            case Cancelled() | CancelledError():
                state, error = ("failed", INTERRUPTED) if self._closing else ("cancelled", None)
            case PrecedentError():
                state, error = "failed", str(fault)
            case _:
                log.error("job %s failed", work.job.id, exc_info=fault)
                state, error = "failed", f"unexpected {type(fault).__name__}; it is in the service's log"
        try:
            while (refusal := self._enter(work.job.id, state, error)) and not self._closing:
                if refusal != before:
                    log.warning("the end of job %s (%s) isn't kept yet: %s", work.job.id, state, refusal)
                before = refusal
                time.sleep(ENTERED_AGAIN_S)
        finally:
            with self._lock:
                self._works.pop(work.job.id, None)
            work.ended.set()

    def _enter(self, id: str, state: JobState, error: str | None) -> str:
        """Keep how a job ended; returns why that can't be done yet: a full disk is one reason to fail."""
        try:
            self._store.update(id, UNFINISHED, state=state, error=error, finished_at=time.time())
        except (Conflict, NotFound):
            log.info("job %s was finished already", id)
        except (Overloaded, StorageFull, StorageFailed) as refusal:
            return str(refusal)
        return ""
