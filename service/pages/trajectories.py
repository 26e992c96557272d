"""`/ui/{collection}/trajectories`: search and filters; `…/trajectory?id=`: one of them, step by step."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from anyio import to_thread
from fastapi import Request, Response

from indexing.errors import InvalidInput, NotFound
from indexing.library import Library
from indexing.records import MAX_ID_LENGTH, Trajectory, trajectory_from_bytes
from indexing.store.catalog import Collection
from service.collections import CollectionName, collection_of
from service.pages.browsing import CONSTRUCTIONS, KINDS, OUTCOMES, Found, Wanted, find
from service.pages.site import page, pages
from service.pages.situation import is_number
from service.problems import InvalidFields, NotReady
from service.state import Service, ServiceHere

STEPS = 50
"""Steps of a trajectory on one page."""

OF_A_SOURCE = ("kind", "construction", "rollout", "span", "documents")
"""What the record's form says of a source; all else may be anything."""

router = pages()


@router.get("/{collection}/trajectories")
async def browse(collection: CollectionName, service: ServiceHere, request: Request) -> Response:
    """The trajectories that are looked for, a page of them."""
    row = await collection_of(service, collection)
    wanted = Wanted.of(request.query_params)
    shown: dict[str, Any] = {"collection": row, "wanted": wanted}
    shown |= {"outcomes": tuple(OUTCOMES), "kinds": KINDS, "constructions": CONSTRUCTIONS}
    try:
        found = await _found(service, row, wanted)
    except InvalidFields as error:
        return await page(request, "trajectories.html", 422, **shown, found=None, faults=error.faults)
    except InvalidInput as error:
        faults = [(error.field or "", str(error))]
        return await page(request, "trajectories.html", 422, **shown, found=None, faults=faults)
    return await page(request, "trajectories.html", **shown, found=found, faults=())


async def _found(service: Service, row: Collection, wanted: Wanted) -> Found:
    if not service.readiness.loaded:
        raise NotReady("the collections are being loaded; try again in a second")

    def work() -> Found:
        return find(service.library.snapshot(row.name), wanted)

    return await to_thread.run_sync(work, limiter=service.storing)


@router.get("/{collection}/trajectory")
async def show(
    collection: CollectionName, service: ServiceHere, request: Request, id: str = "", start: str = "0"
) -> Response:
    """One trajectory: where it comes from, how it ended, and its steps as a timeline."""
    row = await collection_of(service, collection)
    if not is_number(start):
        raise InvalidFields([("start", "the number of a step, counted from 0")])
    work = partial(_shown, service.library, row, id, int(start))
    shown = await to_thread.run_sync(work, limiter=service.storing)
    return await page(request, "trajectory.html", collection=row, **shown)


def _shown(library: Library, row: Collection, id: str, start: int) -> dict[str, Any]:
    stored = library.records.get(row.id, "trajectory", id) if 0 < len(id) <= MAX_ID_LENGTH else None
    if stored is None:
        raise NotFound(f"no trajectory {id[:200]!r} in collection {row.name!r}")
    one = trajectory_from_bytes(stored.body)
    start = min(start, len(one.steps) - 1) // STEPS * STEPS
    last = min(start + STEPS, len(one.steps))
    return {
        "one": one,
        "bytes": len(stored.body),
        "steps": list(enumerate(one.steps))[start:last],
        "start": start,
        "last": last,
        "per_page": STEPS,
        "source": _source(one),
        "api": f"/collections/{row.name}/trajectories/{quote(id, safe='')}",
    }


def _source(one: Trajectory) -> dict[str, Any]:
    """What is known of where it comes from, and the rest that its source says."""
    told = one.source or {}
    known = {name: told[name] for name in OF_A_SOURCE if name in told}
    if isinstance(told.get("instruction"), str):  # what the rollout was for
        known["instruction"] = told["instruction"]
    return {**known, "rest": {name: value for name, value in told.items() if name not in known}}
