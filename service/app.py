"""The HTTP service: one FastAPI app over one library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from anyio import to_thread
from fastapi import FastAPI

from indexing.library import Library
from service import collections, health, jobs, problems, records, reference, retrieval, ui
from service.access import AccessLog
from service.description import describe_api
from service.gate import Gate
from service.job_runner import JobRunner
from service.old_and_new import try_out
from service.readiness import Readiness
from service.settings import Settings, load_settings
from service.state import Service
from service.upkeep import forget_episodes, renew_generations
from service.writers import query_writer


def create_app(settings: Settings | None = None, library: Library | None = None) -> FastAPI:
    """The app; it opens the data folder's library when it starts, unless one is given, which stays open."""
    settings = settings or load_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.service = await _open(stack, settings, library)
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
    app.add_middleware(AccessLog)
    problems.install(app)
    for router in (
        retrieval.router,
        collections.router,
        records.router("trajectory"),
        records.router("document"),
        jobs.router,
        health.router,
        reference.router,
        ui.router,
    ):
        app.include_router(router)
    describe_api(app)
    return app


async def _open(stack: AsyncExitStack, settings: Settings, given: Library | None) -> Service:
    """Open everything; the stack closes it in reverse."""
    if given is None:
        opening = partial(Library, settings.data_dir, url=settings.database_url, keep=settings.retention())
        library = await to_thread.run_sync(opening)
        _closing(stack, library.close)
    else:
        library = given
    jobs = JobRunner(library, try_out)
    _closing(stack, jobs.close)
    await to_thread.run_sync(jobs.start)
    readiness = Readiness(library, settings.embedders[0])
    writer = await stack.enter_async_context(query_writer(settings))
    for background in (_load(readiness), forget_episodes(library), renew_generations(library, jobs)):
        stack.push_async_callback(_stop, asyncio.create_task(background))
    searching = Gate(settings.search_threads, settings.max_waiting)
    _closing(stack, searching.close)
    return Service(settings, library, writer, jobs, readiness, searching)


def _closing(stack: AsyncExitStack, close: Callable[[], None]) -> None:
    stack.push_async_callback(to_thread.run_sync, close)


async def _load(readiness: Readiness) -> None:
    await to_thread.run_sync(readiness.load, abandon_on_cancel=True)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
