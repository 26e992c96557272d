"""`/ui`: the web pages, put together from one file each."""

from __future__ import annotations

from fastapi import APIRouter

from service.pages import assets, collection, home, latency, playground, reports, runs, trajectories

router = APIRouter(include_in_schema=False)
for part in (assets, home, latency, runs, reports, playground, trajectories, collection):
    router.include_router(part.router, prefix="/ui")
