"""`/ui/-/runs`: what `precedent synthesize` made and rejected, where its folder is in the data folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import Request, Response

from indexing.library import Library
from service.pages.folders import fields, listed, named, nothing_called, written_at
from service.pages.rejections import read
from service.pages.site import Names, may_see, page, pages
from service.problems import InvalidFields
from service.state import ServiceHere
from synthesis.committee import CRITERIA
from synthesis.plan import FILE as PLAN

FOLDER, SUMMARY = "runs", "summary.json"
MOST_BYTES = 4 << 20

COUNTS = ("documents", "instructions", "rollouts", "steps", "spans", "examples", "kept")

router = pages()


@router.get("/-/runs")
async def runs(service: ServiceHere, names: Names, request: Request) -> Response:
    """The runs, the one last worked on first."""
    found = await to_thread.run_sync(_all, service.library, names, limiter=service.storing)
    return await page(request, "runs.html", runs=found)


@router.get("/-/runs/{name}")
async def run(
    name: str,
    service: ServiceHere,
    names: Names,
    request: Request,
    reason: str = "",
    start: str = "0",
) -> Response:
    """One run, and what it rejected, a piece at a time."""
    if not start.isascii() or not start.isdecimal() or len(start) > 15:
        raise InvalidFields([("start", "a place in the file, as a page's link has it")])
    work = partial(_one, service.library, name, names, reason[:200], int(start))
    return await page(request, "run.html", **await to_thread.run_sync(work, limiter=service.storing))


def root(library: Library) -> Path:
    """Where the folders of runs are looked for."""
    return library.folder / FOLDER


def _all(library: Library, names: frozenset[str] | None) -> list[dict[str, Any]]:
    known = {row.name for row in library.catalog.list()}
    found = [_told(path, known) for path in listed(root(library), PLAN)]
    return [one for one in found if may_see(names, one["collection"])]


def _told(path: Path, known: set[str]) -> dict[str, Any]:
    """What a run's plan and summary say, as far as they are what they should be."""
    plan, summary = fields(path / PLAN, MOST_BYTES), fields(path / SUMMARY, MOST_BYTES)
    rejected = summary.get("rejected")
    counted = rejected if isinstance(rejected, dict) else {}
    reasons = {str(name): count for name, count in counted.items() if isinstance(count, int)}
    collection = str(plan.get("name", ""))
    return {
        "name": path.name,
        "collection": collection,
        "is_here": collection in known,
        "road": str(plan.get("road", "")),
        "environment": str(plan.get("environment", "")),
        "rule": str(plan.get("rule", "")),
        "judges": [str(one) for one in plan.get("judges", ()) if isinstance(one, str)],
        "at": max(written_at(path / SUMMARY), written_at(path / PLAN)),
        "counts": {name: count for name in COUNTS if isinstance(count := summary.get(name), int)},
        "reasons": reasons,
        "rejected": sum(reasons.values()),
        "stopped": str(summary.get("stopped") or ""),
        "ended": bool(summary),
    }


def _one(
    library: Library, name: str, names: frozenset[str] | None, reason: str, start: int
) -> dict[str, Any]:
    path = named(root(library), name, PLAN)
    run = _told(path, {row.name for row in library.catalog.list()})
    if not may_see(names, run["collection"]):
        raise nothing_called(name)
    found = read(path, reason, start)
    on = {"reason": reason, "start": found.more} if reason else {"start": found.more}
    return {
        "run": run,
        "reason": reason,
        "start": start,
        "found": found,
        "on": urlencode(on) if found.more is not None else None,
        "criteria": CRITERIA,
    }
