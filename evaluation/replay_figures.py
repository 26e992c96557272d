"""The drawings of a replay: what each variant hits, against what, at what cost, in which family."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.figures import Figure
from evaluation.plots import Bar, Point, Series, curves, grouped, intervals, role, scatter
from evaluation.summary import Scope, Summary


def quality(scope: Scope) -> list[Figure]:
    """Hit@1 and hit@5 of every variant of a collection, or of the mean."""
    return [
        intervals(
            measure,
            [Bar(one.variant, role(one.variant), one.score(measure)) for one in scope.by_number()],
            scope.reachable.value,
        )
        for measure in ("hit@1", "hit@5")
        if scope.by_number()
    ]


def differences(summary: Summary, ours: str) -> list[Figure]:
    """How much more often than each baseline ours hits, by collection; of one collection, all variants."""
    figures = []
    for baseline in summary.baselines:
        for measure in ("hit@1", "hit@5"):
            if len(summary.collections) > 1:
                title, bars = (
                    f"{measure}: {ours} less {baseline}",
                    _by_collection(summary, ours, baseline, measure),
                )
            else:
                title, bars = (
                    f"{measure} less {baseline}’s",
                    _by_variant(summary.collections[0], baseline, measure),
                )
            if bars:
                figures.append(intervals(title, bars, signed=True))
    return figures


def _by_collection(summary: Summary, ours: str, baseline: str, measure: str) -> list[Bar]:
    bars = []
    for scope in scopes_of(summary):
        found = scope.result(ours)
        if found and (compared := found.compared(baseline, measure)):
            drawn = "ours" if scope is summary.across else "other"
            bars.append(Bar(scope.name, drawn, compared.difference))
    return bars


def _by_variant(scope: Scope, baseline: str, measure: str) -> list[Bar]:
    return [
        Bar(one.variant, role(one.variant), compared.difference)
        for one in scope.by_number()
        if (compared := one.compared(baseline, measure))
    ]


def against_tokens(summary: Summary) -> list[Figure]:
    """How good each variant is in a prompt of so many tokens."""
    scope, figures = summary.across, []
    for measure, title in (("hit", "A hit anywhere in the prompt"), ("hit@1", "hit@1 within the budget")):
        series = [
            Series(
                variant,
                role(variant),
                tuple(
                    Point(one.tokens, one.score(measure)) for one in scope.by_tokens(variant) if one.tokens
                ),
            )
            for variant in summary.variants
        ]
        if drawn := [one for one in series if one.points]:
            figures.append(curves(title, "tokens of prompt", drawn))
    return figures


def against_time(summary: Summary) -> list[Figure]:
    """How good each variant is for the milliseconds it takes."""
    figures = []
    for measure in ("hit@1", "hit@5"):
        series = [
            Series(one.variant, role(one.variant), (Point(one.ms_median, one.score(measure)),))
            for one in summary.across.by_number()
            if one.ms_median > 0
        ]
        if series:
            title = f"{measure} and the median answer"
            figures.append(scatter(title, "ms", series))
    return figures


def families(scope: Scope, shown: Sequence[str]) -> list[Figure]:
    """Hit@1 and hit@5 of a few variants by family of task."""
    return [
        grouped(
            measure,
            [
                (family.name, [Bar(name, role(name), hits[name][measure]) for name in shown if name in hits])
                for family in scope.families
                if (hits := family.hits) and not hits.keys().isdisjoint(shown)
            ],
        )
        for measure in ("hit@1", "hit@5")
        if any(not family.hits.keys().isdisjoint(shown) for family in scope.families)
    ]


def scopes_of(summary: Summary) -> Sequence[Scope]:
    """The mean first, where there is more than one collection."""
    return (summary.across, *summary.collections) if len(summary.collections) > 1 else summary.collections
