"""The HTTP service: one FastAPI app over one library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from anyio import to_thread
from fastapi import FastAPI

from indexing.library import Library
from service import collections, health, jobs, metrics, problems, records, reference, retrieval, sign_in, ui
from service.access import AccessLog
from service.auditing import Auditing
from service.authentication import Authentication
from service.authority import Authority
from service.caller import needs
from service.description import describe_api
from service.gate import Gate
from service.job_runner import JobRunner
from service.old_and_new import try_out
from service.rates import RateLimits
from service.readiness import Readiness
from service.settings import Settings, load_settings
from service.state import Service, Telling
from service.telemetry.metrics import Metrics
from service.telemetry.request_ids import RequestIds
from service.telemetry.traces import Traces, open_traces
from service.upkeep import (
    forget_audit,
    forget_episodes,
    forget_jobs,
    keep_probing,
    keep_uses,
    renew_generations,
)
from service.writers import query_writer


def create_app(
    settings: Settings | None = None, library: Library | None = None, traces: Traces | None = None
) -> FastAPI:
    """The app; it opens the data folder's library when it starts, unless one is given, which stays open."""
    settings = settings or load_settings()
    telling = Telling(Metrics(), traces or open_traces(settings.traces_url))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.service = await _open(stack, settings, library, telling)
            yield

    app = FastAPI(
        title="Precedent",
        version="1",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.settings = settings
    app.add_middleware(Auditing)
    app.add_middleware(RateLimits, settings=settings)
    app.add_middleware(Authentication)
    app.add_middleware(AccessLog, counted=telling.metrics.counted)
    telling.traces.install(app)
    app.add_middleware(RequestIds)
    problems.install(app)
    for router in (
        retrieval.router,
        collections.router,
        records.router("trajectory"),
        records.router("document"),
        jobs.router,
        health.router,
        sign_in.router,
    ):
        app.include_router(router)
    app.include_router(metrics.router, dependencies=[needs("admin", everywhere=True)])
    app.include_router(reference.router, dependencies=[needs(None)])
    app.include_router(ui.files)
    app.include_router(ui.router, dependencies=[needs("retrieve")])
    describe_api(app)
    return app


async def _open(
    stack: AsyncExitStack, settings: Settings, given: Library | None, telling: Telling
) -> Service:
    """Open everything; the stack closes it in reverse."""
    _closing(stack, telling.traces.close)
    if given is None:
        opening = partial(_library, settings)
        library = await to_thread.run_sync(opening)
        _closing(stack, library.close)
    else:
        library = given
    jobs = JobRunner(library, try_out)
    _closing(stack, jobs.close)
    await to_thread.run_sync(jobs.start)
    readiness = Readiness(library, settings.embedders[0])
    writer = await stack.enter_async_context(query_writer(settings))
    authority = Authority(library.keys, settings.needs_no_key)
    _closing(stack, authority.keep_uses)
    for background in (
        _load(readiness),
        forget_episodes(library),
        forget_audit(library, settings.audit_days),
        forget_jobs(library),
        renew_generations(library, jobs),
        keep_uses(authority),
        keep_probing(readiness),
    ):
        stack.push_async_callback(_stop, asyncio.create_task(background))
    searching = Gate(settings.search_threads, settings.max_waiting)
    _closing(stack, searching.close)
    telling.metrics.watch(library, searching, lambda: readiness.ready)
    return Service(settings, library, writer, jobs, readiness, searching, authority, telling)


def _library(settings: Settings) -> Library:
    """The data folder's library; a reindex fits the ranker, as everywhere."""
    from retrievers.learning import learn

    return Library(settings.data_dir, url=settings.database_url, learner=learn, keep=settings.retention())


def _closing(stack: AsyncExitStack, close: Callable[[], None]) -> None:
    stack.push_async_callback(to_thread.run_sync, close)


async def _load(readiness: Readiness) -> None:
    await to_thread.run_sync(readiness.load, abandon_on_cancel=True)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
