"""`/ui`: all collections at a glance; `/ui/-/jobs`: what is being done to them."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import Request, Response

from indexing.library import Library
from service.collections import describe
from service.pages.collection import followed, told
from service.pages.site import Names, page, pages
from service.state import Service, ServiceHere

JOBS = 50

router = pages()


@router.get("")
async def home(service: ServiceHere, names: Names, request: Request) -> Response:
    """All collections."""
    shown = await to_thread.run_sync(_described, service.library, names, limiter=service.storing)
    return await page(request, "home.html", collections=shown)


@router.get("/-/jobs")
async def jobs(service: ServiceHere, names: Names, request: Request) -> Response:
    """The newest jobs of all collections."""
    shown = await to_thread.run_sync(_jobs, service, names, limiter=service.storing)
    return await page(request, "jobs.html", **shown)


@router.get("/-/jobs/live")
async def jobs_live(service: ServiceHere, names: Names, request: Request) -> Response:
    """The part of that page that changes by itself."""
    shown = await to_thread.run_sync(_jobs, service, names, limiter=service.storing)
    return await page(request, "_jobs_live.html", **shown)


def _described(library: Library, names: frozenset[str] | None) -> list[dict[str, Any]]:
    return [describe(library, row) for row in library.catalog.list(names)]


def _jobs(service: Service, names: frozenset[str] | None) -> dict[str, Any]:
    return followed([told(service, job) for job in service.library.jobs.list(JOBS, names)])
