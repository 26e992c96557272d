"""`/ui`: the web pages, put together from one file each."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse

from service.pages import (
    assets,
    collection,
    elsewhere,
    home,
    latency,
    playground,
    reports,
    runs,
    trajectories,
)

files = APIRouter(include_in_schema=False)
"""Style and script of the pages: they tell nothing, and are for everyone."""

files.include_router(assets.router)

router = APIRouter(include_in_schema=False)


@router.get("/")
@router.get("/ui/")
async def begin(request: Request) -> RedirectResponse:
    """Who comes without an address is shown the pages."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/ui")


for part in (home, latency, runs, reports, playground, trajectories, collection, elsewhere):
    router.include_router(part.router)
