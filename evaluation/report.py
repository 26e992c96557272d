"""The report of a comparison: one HTML page that needs nothing else, and its numbers as JSON and CSV.

The page draws its own SVG, so that it follows the reader's light or dark, fits a phone, and every
installation can make it. It holds no script and no link, and its policy lets a browser fetch nothing.
The same rows, seed and options give the same bytes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pydantic_core import to_json

from evaluation.figures import Figure
from evaluation.plots import Bar, Point, Series, curves, grouped, intervals, scatter
from evaluation.results import Row
from evaluation.statistics import Estimate
from evaluation.summary import Scope, Summary
from evaluation.variants import PRIOR, VARIANTS
from indexing.records import JSON

OURS = "agentic"
PAGE, NUMBERS, TABLE = "report.html", "summary.json", "results.csv"
FEW_EPISODES = 20
"""With fewer, an interval says less than it seems to."""


@dataclass(frozen=True, slots=True)
class About:
    """How a comparison was made: the command that makes it again, and its options."""

    command: str
    options: Mapping[str, JSON]


def write(folder: Path, rows: Iterable[Row], summary: Summary, about: About) -> Path:
    """Write `report.html`, `summary.json` and `results.csv`; returns the page's path."""
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([column.name for column in fields(Row)])
        lines.writerows(asdict(row).values() for row in rows)
    numbers = {"options": dict(about.options), **summary.to_fields()}
    (folder / NUMBERS).write_bytes(to_json(numbers, indent=1) + b"\n")
    page = folder / PAGE
    page.write_text(render(summary, about), encoding="utf-8")
    return page


def render(summary: Summary, about: About) -> str:
    """The page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    jinja = Environment(
        loader=PackageLoader("evaluation"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    jinja.filters |= {"number": number, "span": span}
    ours = ours_of(summary)
    shown = [*([ours] if ours else []), *summary.baselines]
    return jinja.get_template("report.html").render(
        summary=summary,
        about=about,
        ours=ours,
        scopes=_scopes(summary),
        name_of=lambda scope: "mean over collections" if scope is summary.across else scope.name,
        role=role,
        meanings={PRIOR: "the commonest actions of the memory"}
        | {one.name: one.about for one in VARIANTS.values()},
        few_episodes=FEW_EPISODES,
        quality=quality,
        differences=differences(summary, ours) if ours else [],
        families=lambda scope: families(scope, shown),
        budgets=against_tokens(summary),
        speeds=against_time(summary),
        data=embedded({"options": dict(about.options), **summary.to_fields()}),
    )


def embedded(value: JSON) -> str:
    """JSON that may stand in a script element: no sign in it can end the element."""
    escaped = to_json(value).decode()
    for sign in "<>&":
        escaped = escaped.replace(sign, f"\\u{ord(sign):04x}")
    return escaped


def ours_of(summary: Summary) -> str | None:
    """The variant that the report speaks of first: ours, else the best that is no baseline."""
    measured = [one.variant for one in summary.across.by_number()]
    others = [variant for variant in measured if variant not in summary.baselines]
    return OURS if OURS in measured else next(iter(others), None)


def role(variant: str) -> str:
    """How a variant is drawn."""
    return "ours" if variant == OURS else variant if variant in ("instruction", "paper") else "other"


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
    for scope in _scopes(summary):
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


def _scopes(summary: Summary) -> Sequence[Scope]:
    """The mean first, where there is more than one collection."""
    return (summary.across, *summary.collections) if len(summary.collections) > 1 else summary.collections


def number(value: float, form: str = ".3f") -> str:
    """A number as it is printed, with a minus that is one."""
    return format(value, form).replace("-", "−")


def span(one: Estimate, form: str = ".3f") -> str:
    """The interval of an estimate: `0.571–0.613`, or `−0.02 to +0.05`."""
    return f"{number(one.low, form)}{' to ' if '+' in form else '–'}{number(one.high, form)}"
