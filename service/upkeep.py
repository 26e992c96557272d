"""What the service does of its own accord, now and then."""

from __future__ import annotations

import asyncio
import logging
import time

from anyio import to_thread

from indexing.errors import Conflict, PrecedentError
from indexing.library import Library
from service.authority import Authority
from service.job_runner import JobRunner
from service.problems import NotReady
from service.readiness import Readiness

log = logging.getLogger(__name__)

EPISODE_KEPT_S = 24 * 3600
FORGET_EVERY_S = 300.0
FORGET_AUDIT_EVERY_S = 3600.0
LOOK_EVERY_S = 5.0
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
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            for name in await to_thread.run_sync(library.overgrown):
                await to_thread.run_sync(jobs.submit, name, {})
        except Conflict:
            continue  # it is being reindexed already
        except PrecedentError as error:
            log.warning("generations aren't renewed yet: %s", error)


async def keep_uses(authority: Authority) -> None:
    """Write down when keys were last used."""
    while True:
        await asyncio.sleep(KEEP_USES_EVERY_S)
        await to_thread.run_sync(authority.keep_uses)
