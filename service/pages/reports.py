"""`/ui/-/reports`: what `precedent compare` measured, of reports whose folders are in the data folder.

The figures are drawn anew from the report's numbers; the report itself is given out as it was written, in a
sandbox of its own: it may come from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import Request, Response

from evaluation.figures import Figure
from evaluation.plots import Bar, intervals, role
from evaluation.report import EPISODES, NUMBERS, PAGE, TABLE
from evaluation.statistics import Estimate
from evaluation.summary import HEADLINE
from indexing.errors import NotFound
from indexing.library import Library
from indexing.records import JSON
from service.pages.folders import content, fields, listed, named, nothing_called, written_at
from service.pages.site import Names, may_see, page, pages
from service.pages.wording import line
from service.state import ServiceHere

FOLDER = "reports"
MOST_BYTES = 64 << 20
MEASURES = ("hit@1", "hit@5")
MOST_ROWS = 40
"""Variants in a figure."""

FILES = {PAGE: "text/html", NUMBERS: "application/json", TABLE: "text/csv", EPISODES: "text/csv"}
POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

router = pages()


@router.get("/-/reports")
async def reports(service: ServiceHere, names: Names, request: Request) -> Response:
    """The reports, the newest first, with their headline figures."""
    found = await to_thread.run_sync(_all, service.library, names, limiter=service.storing)
    return await page(request, "reports.html", reports=found, measures=MEASURES)


@router.get("/-/reports/{name}")
async def report(name: str, service: ServiceHere, names: Names, request: Request) -> Response:
    """One report's hit rates, and the way to the whole of it."""
    work = partial(_one, service.library, name, names)
    shown = await to_thread.run_sync(work, limiter=service.storing)
    return await page(request, "report_of.html", **shown, measures=MEASURES)


@router.get("/-/reports/{name}/{file}")
async def report_file(name: str, file: str, service: ServiceHere, names: Names) -> Response:
    """A file of a report as it was written: its page in a sandbox, its numbers to be kept."""
    if file not in FILES:
        raise NotFound(f"a report has {', '.join(FILES)}")
    work = partial(_content, service.library, name, names, file)
    found = await to_thread.run_sync(work, limiter=service.storing)
    headers = (
        HEADERS if file == PAGE else {**HEADERS, "Content-Disposition": f'attachment; filename="{file}"'}
    )
    return Response(found, headers=headers, media_type=FILES[file])


def root(library: Library) -> Path:
    """Where the folders of reports are looked for."""
    return library.folder / FOLDER


def _content(library: Library, name: str, names: frozenset[str] | None, file: str) -> bytes:
    path, _ = _seen(library, name, names)
    return content(path / file, MOST_BYTES)


def _seen(library: Library, name: str, names: frozenset[str] | None) -> tuple[Path, dict[str, JSON]]:
    """A report's folder and numbers; raises NotFound for one of collections that may not be seen."""
    path = named(root(library), name, NUMBERS)
    numbers = fields(path / NUMBERS, MOST_BYTES)
    if not may_see(names, *_collections(numbers)):
        raise nothing_called(name)
    return path, numbers


def _all(library: Library, names: frozenset[str] | None) -> list[dict[str, Any]]:
    found = ((path, fields(path / NUMBERS, MOST_BYTES)) for path in listed(root(library), NUMBERS))
    return [_told(path, numbers) for path, numbers in found if may_see(names, *_collections(numbers))]


def _collections(numbers: Mapping[str, JSON]) -> list[str]:
    """What was compared, as the options and the figures say."""
    named_there = _object(numbers.get("options")).get("collections")
    asked = named_there if isinstance(named_there, list) else []
    return list(dict.fromkeys(str(one) for one in (*asked, *_object(numbers.get("collections")))))


def _told(path: Path, numbers: Mapping[str, JSON]) -> dict[str, Any]:
    across = _object(numbers.get("across"))
    found = {variant: _scores(told) for variant, told in _object(across.get("variants")).items()}
    return {
        "name": path.name,
        "at": written_at(path / NUMBERS),
        "collections": _collections(numbers),
        "episodes": count if isinstance(count := across.get("episodes"), int) else None,
        "situations": count if isinstance(count := across.get("situations"), int) else None,
        "played": isinstance(numbers.get("loop"), dict),
        "scores": {variant: scores for variant, scores in found.items() if scores},
    }


def _one(library: Library, name: str, names: frozenset[str] | None) -> dict[str, Any]:
    path, numbers = _seen(library, name, names)
    scopes = {"mean over collections": numbers.get("across"), **_object(numbers.get("collections"))}
    if len(scopes) == 2:
        del scopes["mean over collections"]
    drawn = {scope: figures for scope, told in scopes.items() if (figures := list(_figures(_object(told))))}
    return {
        "report": _told(path, numbers),
        "figures": drawn,
        "files": [one for one in FILES if written_at(path / one)],
        "page_file": PAGE,
    }


def _figures(scope: Mapping[str, JSON]) -> Iterator[Figure]:
    """A scope's hit rates with their intervals, the best variant first."""
    scores = {variant: _scores(told) for variant, told in _object(scope.get("variants")).items()}
    bound = _estimate(scope.get("reachable"))
    for measure in MEASURES:
        bars = [
            Bar(line(variant, 80), role(variant), found[measure])
            for variant, found in scores.items()
            if measure in found
        ]
        if bars:
            bars.sort(key=lambda bar: (-bar.estimate.value, bar.name))
            yield intervals(measure, bars[:MOST_ROWS], bound.value if bound else None)


def _scores(told: JSON) -> dict[str, Estimate]:
    """A variant's figures where it was matched by number."""
    scores = _object(_object(_object(_object(told).get("by_number")).get("scores")).get(HEADLINE))
    return {one: found for one in MEASURES if (found := _estimate(scores.get(one))) is not None}


def _estimate(told: JSON) -> Estimate | None:
    found = [_object(told).get(name) for name in ("value", "low", "high")]
    numbers = [float(one) for one in found if isinstance(one, int | float) and 0 <= one <= 1]
    return Estimate(*numbers) if len(numbers) == len(found) else None


def _object(value: JSON) -> Mapping[str, JSON]:
    return value if isinstance(value, dict) else {}
