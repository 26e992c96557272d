"""`/ui`: the web pages, put together from one file each."""

from __future__ import annotations

from fastapi import APIRouter

from service.pages import assets, collection, home, latency, playground, reports, runs, trajectories

files = APIRouter(include_in_schema=False)
"""Style and script of the pages: they tell nothing, and are for everyone."""

files.include_router(assets.router)

router = APIRouter(include_in_schema=False)
for part in (home, latency, runs, reports, playground, trajectories, collection):
    router.include_router(part.router)
