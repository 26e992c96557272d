"""`/ui/{collection}`: what a collection holds, its generations, its settings, its jobs."""

from __future__ import annotations

import time
from typing import Any

from anyio import to_thread
from fastapi import Request, Response
from pydantic_core import to_json

from indexing.library import Library
from indexing.settings import CollectionSettings
from indexing.store.catalog import Collection
from indexing.store.jobs import Job
from service.collections import CollectionName, collection_of, describe
from service.job_runner import DRY_RUN, UNFINISHED
from service.jobs import describe_job
from service.pages.site import page, pages
from service.state import Service, ServiceHere

JOBS = 10
"""Jobs of a collection that its page shows."""

BUSY_MS, IDLE_MS = 1_000, 5_000
"""How often a page asks what has become of jobs, while there are some and while there are none."""

router = pages()


@router.get("/{collection}")
async def show(collection: CollectionName, service: ServiceHere, request: Request) -> Response:
    """The collection."""
    return await _page(collection, service, request, "collection.html")


@router.get("/{collection}/live")
async def live(collection: CollectionName, service: ServiceHere, request: Request) -> Response:
    """The part of its page that changes by itself."""
    return await _page(collection, service, request, "_collection_live.html")


async def _page(name: str, service: Service, request: Request, template: str) -> Response:
    row = await collection_of(service, name)
    shown = await to_thread.run_sync(described, service, row, limiter=service.storing)
    return await page(request, template, **shown)


def described(service: Service, row: Collection) -> dict[str, Any]:
    """What the page tells of a collection."""
    library = service.library
    jobs = [told(service, job) for job in library.jobs.list(JOBS, frozenset({row.name}))]
    return {
        "collection": describe(library, row),
        "generations": _generations(library, row),
        "defaults": CollectionSettings().to_fields(),
        **followed(jobs),
    }


def told(service: Service, job: Job) -> dict[str, Any]:
    """A job, and how long it has been at it or was."""
    found = describe_job(job, service.jobs.pace(job.id))
    since, until = job.started_at, job.finished_at or time.time()
    dry_run = bool(job.request.get(DRY_RUN))
    return found | {
        "seconds": until - since if since is not None else None,
        "dry_run": dry_run,
        "compared": job.result if dry_run else None,
    }


def followed(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """The jobs, and how a page keeps up with them."""
    busy = [job for job in jobs if job["state"] in UNFINISHED]
    newest = jobs[0] if jobs else None
    summary = f"{newest['kind']} of {newest['collection']}: {newest['state']}" if newest else ""
    return {"jobs": jobs, "busy": bool(busy), "every_ms": BUSY_MS if busy else IDLE_MS, "summary": summary}


def _generations(library: Library, row: Collection) -> list[dict[str, Any]]:
    """Newest first, with what their manifests say of settings and the number of records."""
    found, usual = [], CollectionSettings().to_fields()
    for one in library.catalog.generations(row.id):
        counts, settings = one.manifest.get("counts", {}), one.manifest.get("settings", {})
        found.append(
            {
                "id": one.id,
                "state": one.state,
                "served": one.id == row.generation,
                "created_at": one.created_at,
                "behind": row.sequence - one.sequence,
                "trajectories": counts.get("trajectories", ""),
                "documents": counts.get("documents", ""),
                "embedder": settings.get("embedder", ""),
                "settings": [
                    (name, value if isinstance(value, str) else to_json(value).decode())
                    for name, value in settings.items()
                    if name != "embedder" and value != usual.get(name)
                ],
            }
        )
    return found
