"""The figures of memories held against each other: hit rates and success with paired intervals."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from benchmarks.construction_memories import Memory
from evaluation.closed_loop import Episode
from evaluation.results import Row
from evaluation.statistics import Bootstrap, Estimate, Sampled
from indexing.records import JSON

if TYPE_CHECKING:
    from rich.table import Table

Values: TypeAlias = Mapping[tuple[str, str], Mapping[tuple[str, int], float]]
"""By memory and variant: a value for each unit, which is (episode, step) or (task, seed)."""

MEASURES: Mapping[str, Callable[[Row], float]] = {
    "hit@1": lambda row: float(row.slot is not None and row.slot <= 1),
    "hit@5": lambda row: float(row.slot is not None and row.slot <= 5),
}
SUCCESS = "success"


@dataclass(frozen=True, slots=True)
class Figure:
    """One memory under one variant and measure, and how far it is from whole trajectories alone.

    `difference` is to the memory `against`, which knows the whole trajectories of the same rollouts, on
    the same situations or tasks; `units` of these there were.
    """

    memory: str
    kind: str
    part: int
    trajectories: int
    variant: str
    measure: str
    units: int
    estimate: Estimate
    against: str | None
    difference: Estimate | None


def figures(
    memories: Sequence[Memory], rows: Iterable[Row], episodes: Iterable[Episode], variants: Sequence[str]
) -> list[Figure]:
    """Every memory under every variant: replay and closed loop, differences paired."""
    measured: dict[str, dict[tuple[str, str], dict[tuple[str, int], float]]] = {}
    for row in rows:
        for name, score in MEASURES.items():
            by_unit = measured.setdefault(name, {}).setdefault((row.collection, row.variant), {})
            by_unit[row.episode, row.step] = score(row)
    for one in episodes:
        by_unit = measured.setdefault(SUCCESS, {}).setdefault((one.world, one.variant), {})
        by_unit[one.task, one.variation] = float(one.success)
    return [
        figure
        for name, values in measured.items()
        for variant in variants
        for memory in memories
        if (figure := _figure(name, values, variant, memory)) is not None
    ]


def _figure(measure: str, values: Values, variant: str, memory: Memory) -> Figure | None:
    ours = values.get((memory.name, variant))
    if not ours:
        return None
    other = values.get((memory.against, variant)) if memory.against else None
    units = sorted(ours.keys() & other.keys()) if other else sorted(ours)
    columns = [[ours[unit] for unit in units], [other[unit] for unit in units] if other else []]
    matrix = np.array([column for column in columns if column]).T
    clusters = [name if measure != SUCCESS else f"{name}/{number}" for name, number in units]
    episodes = np.unique(clusters, return_inverse=True)[1]
    sampled = Bootstrap(measure).mean(matrix, episodes)
    mine, theirs = (Sampled(sampled.value[at:][:1], sampled.draws[:, at:][:, :1]) for at in (0, 1))
    return Figure(
        memory=memory.name,
        kind=memory.kind,
        part=memory.part,
        trajectories=len(memory.known),
        variant=variant,
        measure=measure,
        units=len(units),
        estimate=mine.estimates()[0],
        against=memory.against if other else None,
        difference=(mine - theirs).estimates()[0] if other else None,
    )


def keep(folder: Path, found: Sequence[Figure], facts: Mapping[str, JSON]) -> None:
    """Write the figures as `construction.json` and `construction.csv`."""
    told = {**facts, "figures": [asdict(one) for one in found]}
    (folder / "construction.json").write_text(json.dumps(told, indent=1) + "\n")
    plain = [one.name for one in fields(Figure) if one.name not in {"estimate", "difference"}]
    bounds = [f"{what}{end}" for what in ("", "difference_") for end in ("value", "low", "high")]
    with (folder / "construction.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*plain, *bounds])
        for one in found:
            cells = [bound for of in (one.estimate, one.difference) for bound in _bounds(of)]
            table.writerow([*(getattr(one, name) for name in plain), *cells])


def _bounds(one: Estimate | None) -> list[float | None]:
    return [None] * 3 if one is None else [round(number, 5) for number in (one.value, one.low, one.high)]


def tables(found: Sequence[Figure]) -> Iterator[Table]:
    """For each measure a table for the terminal: a row for each memory, a column for each variant."""
    from rich.table import Table

    variants = list(dict.fromkeys(one.variant for one in found))
    for measure in dict.fromkeys(one.measure for one in found):
        cells = {(one.memory, one.variant): one for one in found if one.measure == measure}
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column(measure)
        for name in ("trajectories", *variants):
            table.add_column(name, justify="right", no_wrap=True)
        for memory in dict.fromkeys(name for name, _ in cells):
            row = [cells.get((memory, variant)) for variant in variants]
            known = next(one.trajectories for one in row if one)
            table.add_row(memory, str(known), *map(_told, row))
        yield table


def _told(one: Figure | None) -> str:
    if one is None:
        return ""
    text = f"{one.estimate.value:.3f}"
    if one.difference is not None:
        text += f" ({one.difference.value:+.3f}: {one.difference.low:+.3f}…{one.difference.high:+.3f})"
    return text
