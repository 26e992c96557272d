"""The drawings of a closed loop: what each variant's agent achieved, against what, in which family."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.figures import Figure
from evaluation.plots import Bar, grouped, intervals, role
from evaluation.standings import Loop, Played


def achieved(world: Played) -> Figure:
    """What every variant achieved, the best first."""
    bars = [Bar(one.variant, role(one.variant), one.counted) for one in world.standings]
    return intervals(_titled(world.measure), bars)


def leads(loop: Loop) -> list[Figure]:
    """What every variant achieved more than each baseline, on the mean where there are several worlds."""
    figures = []
    for baseline in loop.baselines:
        bars = [
            Bar(one.variant, role(one.variant), one.against[baseline])
            for one in loop.across.standings
            if baseline in one.against
        ]
        if bars:
            title = f"{_titled(loop.across.measure)} less {baseline}’s"
            figures.append(intervals(title, bars, signed=True))
    return figures


def by_kind(world: Played, shown: Sequence[str]) -> Figure:
    """A few variants by family of task."""
    rows = [
        (kind.name, [Bar(name, role(name), kind.counted[name]) for name in shown if name in kind.counted])
        for kind in world.kinds
    ]
    return grouped(f"{_titled(world.measure)} by family", rows)


def _titled(text: str) -> str:
    return text[:1].upper() + text[1:]
