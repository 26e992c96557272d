"""`/ui/-/latency`: how long the last answers took, by strategy, drawn and in numbers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from fastapi import Request, Response

from evaluation.figures import Dot, Figure, Label, Line, Mark, Scale, log_ticks
from evaluation.plots import role
from service.pages.site import Names, may_see, page, pages
from service.pages.wording import duration
from service.recent import KEPT, Answered
from service.state import Service, ServiceHere

WIDTH, HEIGHT = 900.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 14.0, 30.0
DRAWN = 600
"""The last answers that are drawn; all that are kept are counted."""

EVERY_MS = 2_000

router = pages()


@router.get("/-/latency")
async def latency(service: ServiceHere, names: Names, request: Request) -> Response:
    """The page."""
    return await page(request, "latency.html", **_shown(service, names))


@router.get("/-/latency/live")
async def latency_live(service: ServiceHere, names: Names, request: Request) -> Response:
    """The part of it that changes by itself."""
    return await page(request, "_latency_live.html", **_shown(service, names))


def _shown(service: Service, names: frozenset[str] | None) -> dict[str, Any]:
    found = [one for one in service.recent.listed() if may_see(names, one.collection)]
    return {
        "figure": drawn(found[-DRAWN:]) if found else None,
        "rows": [counted(name, found) for name in sorted({one.strategy for one in found})],
        "answers": len(found),
        "kept": KEPT,
        "every_ms": EVERY_MS,
    }


def counted(strategy: str, answers: Sequence[Answered]) -> dict[str, Any]:
    """A strategy's answers in numbers: how many, how fast, how many were empty or did without something."""
    mine = [one for one in answers if one.strategy == strategy]
    times = sorted(one.ms for one in mine)
    stages = sorted({name for one in mine for name in one.stages})
    return {
        "strategy": strategy,
        "count": len(mine),
        "median": quantile(times, 0.5),
        "p95": quantile(times, 0.95),
        "most": times[-1],
        "empty": sum(one.shown == 0 for one in mine) / len(mine),
        "degraded": sum(one.degraded for one in mine) / len(mine),
        "stages": [
            (name, quantile(sorted(one.stages.get(name, 0.0) for one in mine), 0.5)) for name in stages
        ],
    }


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that so large a share of the values reaches at the most.

    >>> quantile([1, 2, 3, 4], 0.5), quantile([1, 2, 3, 4], 0.95), quantile([7], 0.5)
    (2, 4, 7)
    """
    place = max(0, -int(-share * len(ordered) // 1) - 1)
    return ordered[min(place, len(ordered) - 1)]


def drawn(answers: Sequence[Answered]) -> Figure:
    """A dot for each answer: when it was given, and how long it took."""
    slowest, fastest = max(one.ms for one in answers), max(0.1, min(one.ms for one in answers))
    up = log_ticks(fastest, max(slowest, fastest * 2))
    end = HEIGHT - BOTTOM
    y = Scale(up[0], up[-1], end, TOP, logarithmic=True)
    begin, last = answers[0].at, max(one.at for one in answers)
    x = Scale(begin, max(last, begin + 1.0), LEFT, WIDTH - RIGHT)
    marks: list[Mark] = []
    for tick in up:
        marks.append(Line(((LEFT, y(tick)), (WIDTH - RIGHT, y(tick))), "grid"))
        marks.append(Label(LEFT - 6, y(tick), f"{tick:g}", "axis", "end"))
    marks.append(Label(LEFT, end + 14, _clock(begin), "axis"))
    if last - begin >= 1.0:
        marks.append(Label(WIDTH - RIGHT, end + 14, _clock(last), "axis", "end"))
    marks += [
        Dot(x(one.at), y(max(one.ms, up[0])), role(one.strategy), f"{one.strategy}: {one.ms:.1f} ms")
        for one in answers
    ]
    told = f"{len(answers)} answers within {duration(last - begin)}, from {fastest:.1f} to {slowest:.1f} ms"
    return Figure(
        "ms of the last answers, by the time they were given, UTC", told, WIDTH, HEIGHT, tuple(marks)
    )


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at))
