"""What the service does of its own accord, now and then."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from anyio import to_thread

from indexing.errors import Conflict, PrecedentError
from indexing.library import Library
from service.authority import Authority
from service.job_runner import UNFINISHED, JobRunner
from service.problems import NotReady
from service.readiness import Readiness

log = logging.getLogger(__name__)

EPISODE_KEPT_S = 24 * 3600
FORGET_EVERY_S = 300.0
FORGET_AUDIT_EVERY_S = 3600.0
LOOK_EVERY_S = 5.0
LONGEST_PAUSE_S = 3600.0
KEPT_JOBS = 1_000
KEEP_USES_EVERY_S = 30.0
PROBE_EVERY_S = 15.0


async def forget_episodes(library: Library) -> None:
    """Forget episodes a day after their last use."""
    while True:
        try:
            await to_thread.run_sync(library.episodes.forget, time.time() - EPISODE_KEPT_S)
        except PrecedentError as error:
            log.warning("old episodes aren't forgotten yet: %s", error)
        await asyncio.sleep(FORGET_EVERY_S)


async def forget_audit(library: Library, days: int) -> None:
    """Forget what the audit log tells of long ago."""
    while True:
        try:
            await to_thread.run_sync(library.audit.forget, time.time() - days * 24 * 3600)
        except PrecedentError as error:
            log.warning("the audit log isn't shortened yet: %s", error)
        await asyncio.sleep(FORGET_AUDIT_EVERY_S)


async def keep_probing(readiness: Readiness) -> None:
    """Probe also when nobody asks, so that the metrics know whether the service is ready."""
    while True:
        await asyncio.sleep(PROBE_EVERY_S)
        before = readiness.ready
        try:
            await to_thread.run_sync(readiness.check, abandon_on_cancel=True)
        except NotReady as error:
            log.log(logging.WARNING if before else logging.DEBUG, "not ready: %s", error)


async def renew_generations(library: Library, jobs: JobRunner) -> None:
    """Start a reindex of each collection whose delta has outgrown its generation."""
    renewals = Renewals(library, jobs)
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            await to_thread.run_sync(renewals.begin)
        except PrecedentError as error:
            log.warning("generations aren't renewed yet: %s", error)


class Renewals:
    """Reindexes that start by themselves; after one that failed the next waits, longer each time."""

    def __init__(self, library: Library, jobs: JobRunner) -> None:
        self._library = library
        self._jobs = jobs
        self._begun: dict[str, str] = {}
        self._pauses: dict[str, float] = {}
        self._not_before: dict[str, float] = {}

    def begin(self) -> None:
        """Start what is due."""
        for name in self._library.overgrown():
            self._look_back(name)
            if name not in self._begun and time.monotonic() >= self._not_before.get(name, 0.0):
                with suppress(Conflict):  # it is being reindexed already
                    self._begun[name] = self._jobs.submit(name, {}).id

    def _look_back(self, name: str) -> None:
        """See how the last one ended."""
        if (id := self._begun.get(name)) is None:
            return
        job = self._library.jobs.get(id)
        if job is not None and job.state in UNFINISHED:
            return
        del self._begun[name]
        pause = self._pauses.pop(name, LOOK_EVERY_S)
        if job is not None and job.state == "failed":
            self._pauses[name] = pause = min(2 * pause, LONGEST_PAUSE_S)
            self._not_before[name] = time.monotonic() + pause
            log.warning("%s is reindexed again in %d s: the last time failed", name, pause)


async def forget_jobs(library: Library) -> None:
    """Forget finished jobs but the newest."""
    while True:
        try:
            await to_thread.run_sync(library.jobs.forget, KEPT_JOBS)
        except PrecedentError as error:
            log.warning("old jobs aren't forgotten yet: %s", error)
        await asyncio.sleep(FORGET_EVERY_S)


async def keep_uses(authority: Authority) -> None:
    """Write down when keys were last used."""
    while True:
        await asyncio.sleep(KEEP_USES_EVERY_S)
        await to_thread.run_sync(authority.keep_uses)
