"""A comparison as tables for the terminal; on a narrow one, an interval goes below its figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evaluation.standings import Loop, Played, Standing
from evaluation.statistics import Estimate
from evaluation.summary import Comparison, Result, Scope, Summary

if TYPE_CHECKING:
    from rich.table import Table

MISSING = "-"


def tables(summary: Summary, ours: str | None) -> Iterator[Table]:
    """All variants, then each within its budgets, then collection by collection where there are several."""
    scope = summary.across
    if scope.by_number():
        yield _by_number(scope, summary.baselines)
    if summary.budgets:
        yield _by_tokens(summary)
    if ours and len(summary.collections) > 1:
        yield _by_collection(summary, ours)


def loop_tables(loop: Loop) -> Iterator[Table]:
    """What every variant's agent achieved, then world by world where there are several."""
    yield _achieved(loop)
    if len(loop.worlds) > 1:
        yield _by_world(loop)


def _achieved(loop: Loop) -> Table:
    rows = [
        [
            one.variant,
            _told(one.counted),
            *(_less(one.against.get(name)) for name in loop.baselines),
            f"{one.steps:.1f}",
            f"{one.ms:.1f}",
        ]
        for one in loop.across.standings
    ]
    against = [f"less {name}" for name in loop.baselines]
    return _table(["in closed loop", loop.across.measure, *against, "actions", "ms"], rows)


def _by_world(loop: Loop) -> Table:
    rows = [
        [
            f"{one.name} ({one.tasks:,}, {one.measure})",
            *(_told(found.counted) for found in _ordered(loop, one)),
        ]
        for one in loop.worlds
    ]
    return _table(["in closed loop", *(one.variant for one in loop.across.standings)], rows)


def _ordered(loop: Loop, world: Played) -> list[Standing]:
    found = (world.standing(one.variant) for one in loop.across.standings)
    return [one for one in found if one]


def _by_number(scope: Scope, baselines: tuple[str, ...]) -> Table:
    against = [name for name in baselines if scope.result(name)]
    rows = [
        [
            one.variant,
            _told(one.score("hit@1")),
            _told(one.score("hit@5")),
            *(_ratio(one.compared(name, "hit@1")) for name in against),
            f"{one.tokens:,.0f}",
            f"{one.ms_median:.1f}",
        ]
        for one in scope.by_number()
    ]
    names = ["variant", "hit@1", "hit@5", *(f"hit@1 × {name}" for name in against), "tokens", "ms"]
    return _table(names, [*rows, ["reachable", _told(scope.reachable)]])


def _by_tokens(summary: Summary) -> Table:
    rows = []
    for variant in summary.variants:
        found = [summary.across.result(variant, budget) for budget in summary.budgets]
        if any(found):
            rows.append([variant, *(_told(one.score("hit")) if one else MISSING for one in found)])
    return _table(["hit within tokens", *(f"{budget:,}" for budget in summary.budgets)], rows)


def _by_collection(summary: Summary, ours: str) -> Table:
    shown = [ours, *(name for name in summary.baselines if name != ours and summary.across.result(name))]
    rows = [
        [
            scope.name,
            *(_both(scope.result(name)) for name in shown),
            f"{scope.reachable.value:.2f}",
            f"{scope.episodes:,}",
            f"{scope.situations:,}",
        ]
        for scope in summary.collections
    ]
    return _table(["hit@1/hit@5", *shown, "reachable", "episodes", "steps"], rows)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for number, name in enumerate(names):
        cells = [row[number] for row in rows if number < len(row)]
        whole = number == 0 or not any(" " in cell for cell in cells)
        table.add_column(name, justify="right" if number else "left", no_wrap=whole, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _told(one: Estimate) -> str:
    return f"{one.value:.2f} {one.low:.2f}–{one.high:.2f}"


def _less(one: Estimate | None) -> str:
    if one is None:
        return MISSING
    return f"{one.value:+.2f} {one.low:+.2f}…{one.high:+.2f}".replace("-", "−")


def _both(one: Result | None) -> str:
    return f"{one.score('hit@1').value:.2f}/{one.score('hit@5').value:.2f}" if one else MISSING


def _ratio(compared: Comparison | None) -> str:
    return _told(compared.ratio) if compared and compared.ratio else MISSING
