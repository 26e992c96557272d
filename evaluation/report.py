"""The report of a comparison: one HTML page that needs nothing else, and its numbers as JSON and CSV.

The page draws its own SVG, so that it follows the reader's light or dark, fits a phone, and every
installation can make it. It holds no script and no link, and its policy lets a browser fetch nothing.
The same rows, seed and options give the same bytes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from evaluation.closed_loop import NONE, Episode
from evaluation.loop_figures import achieved, by_kind, leads
from evaluation.plots import OURS, role
from evaluation.replay_figures import (
    against_time,
    against_tokens,
    differences,
    families,
    quality,
    scopes_of,
)
from evaluation.results import Row
from evaluation.standings import Loop
from evaluation.statistics import Estimate
from evaluation.summary import Summary
from evaluation.variants import PRIOR, VARIANTS
from indexing.records import JSON

PAGE, NUMBERS, TABLE, EPISODES = "report.html", "summary.json", "results.csv", "episodes.csv"
MEANINGS = {
    PRIOR: "the commonest actions of the memory",
    NONE: "the agent without demonstrations: chance among the actions",
}
FEW_EPISODES = 20
"""With fewer, an interval says less than it seems to."""


@dataclass(frozen=True, slots=True)
class About:
    """How a comparison was made: the command that makes it again, and its options."""

    command: str
    options: Mapping[str, JSON]


def write(
    folder: Path,
    rows: Iterable[Row],
    summary: Summary | None,
    about: About,
    loop: Loop | None = None,
    episodes: Iterable[Episode] = (),
) -> Path:
    """Write `report.html` and `summary.json`, and as CSV what was measured; returns the page's path.

    `summary` is of a replay, with its `rows`; `loop` of a closed loop, with its `episodes`; one of both is
    there at least.
    """
    if summary:
        _write_table(folder / TABLE, Row, rows)
    if loop:
        _write_table(folder / EPISODES, Episode, episodes)
    (folder / NUMBERS).write_bytes(to_json(_numbers(summary, about, loop), indent=1) + b"\n")
    page = folder / PAGE
    page.write_text(render(summary, about, loop), encoding="utf-8")
    return page


def _write_table(path: Path, kind: type[Row] | type[Episode], found: Iterable[Row | Episode]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([column.name for column in fields(kind)])
        lines.writerows(asdict(one).values() for one in found)


def _numbers(summary: Summary | None, about: About, loop: Loop | None) -> dict[str, JSON]:
    replayed = summary.to_fields() if summary else {}
    return {"options": dict(about.options), **replayed, **({"loop": loop.to_fields()} if loop else {})}


def render(summary: Summary | None, about: About, loop: Loop | None = None) -> str:
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
    replayed = [scope.name for scope in summary.collections] if summary else []
    played = [world.name for world in loop.worlds] if loop else []
    return jinja.get_template("report.html").render(
        names=list(dict.fromkeys([*replayed, *played])),
        about=about,
        role=role,
        meanings=MEANINGS | {one.name: one.about for one in VARIANTS.values()},
        few_episodes=FEW_EPISODES,
        summary=summary,
        played=loop,
        variants=_variants(summary, loop),
        **(_replayed(summary) if summary else {}),
        **(_played(loop) if loop else {}),
        data=embedded(_numbers(summary, about, loop)),
    )


def _variants(summary: Summary | None, loop: Loop | None) -> list[str]:
    """All that were measured, those of the replay first."""
    played = [one.variant for one in loop.across.standings] if loop else []
    return list(dict.fromkeys([*(summary.variants if summary else ()), *played]))


def _replayed(summary: Summary) -> dict[str, Any]:
    """What the page's sections about the replay ask for."""
    ours = ours_of(summary)
    shown = [*([ours] if ours else []), *summary.baselines]
    return {
        "ours": ours,
        "scopes": scopes_of(summary),
        "name_of": lambda scope: "mean over collections" if scope is summary.across else scope.name,
        "quality": quality,
        "differences": differences(summary, ours) if ours else [],
        "families": lambda scope: families(scope, shown),
        "budgets": against_tokens(summary),
        "speeds": against_time(summary),
    }


def _played(loop: Loop) -> dict[str, Any]:
    """What the page's section about the closed loop asks for."""
    played = [one.variant for one in loop.across.standings]
    best = OURS if OURS in played else next((one for one in played if one not in loop.baselines), None)
    return {
        "achieved": achieved,
        "leads": leads(loop),
        "by_kind": lambda world: by_kind(world, [*([best] if best else []), *loop.baselines]),
        "leader": loop.across.standing(best) if best else None,
    }


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


def number(value: float, form: str = ".3f") -> str:
    """A number as it is printed, with a minus that is one."""
    return format(value, form).replace("-", "−")


def span(one: Estimate, form: str = ".3f") -> str:
    """The interval of an estimate: `0.571–0.613`, or `−0.02 to +0.05`."""
    return f"{number(one.low, form)}{' to ' if '+' in form else '–'}{number(one.high, form)}"
