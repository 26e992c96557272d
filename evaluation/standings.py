"""How the variants did in closed loop: success or score in each world and over all, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.closed_loop import PLAYED, Episode
from evaluation.results import ACROSS
from evaluation.statistics import Bootstrap, Estimate, Sampled, average
from indexing.errors import InvalidInput
from indexing.records import JSON

if TYPE_CHECKING:
    from rich.table import Table

OURS = ("agentic", "agentic-once")
BASELINES = ("instruction", "paper")
UNGATED = frozenset({"sql"})
"""Worlds that are told of but aren't part of the mean."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One world, or the mean over worlds: each variant's score, and what ours has over the baselines.

    Only tasks that every variant has played count, so that differences are paired.
    """

    world: str
    tasks: int
    scores: Mapping[str, Estimate]
    differences: Mapping[str, Mapping[str, Estimate]]
    steps: Mapping[str, float]

    def to_fields(self) -> dict[str, JSON]:
        """As a JSON object."""
        return asdict(self)


def standings(
    episodes: Iterable[Episode], scores: Mapping[str, str], seed: int = 0, variants: Sequence[str] = PLAYED
) -> list[Standing]:
    """The standing in each world of `scores` (which names what counts there), and the mean over them.

    Raises
    ------
    InvalidInput
        No task was played by every variant.
    """
    found, measured = [], {}
    everything = list(episodes)
    for world, score in scores.items():
        rows = _complete([one for one in everything if one.world == world], variants)
        if not rows:
            continue
        values = np.array([[float(getattr(one, score)) for one in row] for row in rows])
        sampled = Bootstrap(world, seed).mean(values, np.arange(len(rows)))
        steps = np.array([[one.steps for one in row] for row in rows]).mean(axis=0)
        found.append(_standing(world, len(rows), sampled, variants, steps.tolist()))
        if world not in UNGATED:
            measured[world] = sampled
    if not found:
        raise InvalidInput("no task was played by every variant: nothing to sum up")
    if len(measured) > 1:
        gated = [one for one in found if one.world in measured]
        steps = np.mean([list(one.steps.values()) for one in gated], axis=0)
        tasks = sum(one.tasks for one in gated)
        found.append(_standing(ACROSS, tasks, average(list(measured.values())), variants, steps.tolist()))
    return found


def _complete(episodes: Iterable[Episode], variants: Sequence[str]) -> list[list[Episode]]:
    """By task, the episodes of all variants in their order; tasks that one hasn't played are left out."""
    tasks: dict[tuple[str, int], dict[str, Episode]] = {}
    for one in episodes:
        tasks.setdefault((one.task, one.variation), {})[one.variant] = one
    return [
        [played[name] for name in variants]
        for _, played in sorted(tasks.items())
        if all(name in played for name in variants)
    ]


def _standing(
    world: str, tasks: int, sampled: Sampled, variants: Sequence[str], steps: Sequence[float]
) -> Standing:
    at = {name: place for place, name in enumerate(variants)}
    differences = {
        ours: {other: _column(sampled, at[ours], at[other]) for other in BASELINES if other in at}
        for ours in OURS
        if ours in at
    }
    scores = dict(zip(variants, sampled.estimates(), strict=True))
    return Standing(
        world, tasks, scores, differences, {name: round(steps[place], 2) for name, place in at.items()}
    )


def _column(sampled: Sampled, ours: int, theirs: int) -> Estimate:
    first, second = (Sampled(sampled.value[[at]], sampled.draws[:, [at]]) for at in (ours, theirs))
    return (first - second).estimates()[0]


def tables(found: Sequence[Standing]) -> Iterator[Table]:
    """The standings as tables for the terminal: the scores, then the differences."""
    from rich.table import Table

    scores = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    scores.add_column("success or score")
    for one in found:
        scores.add_column(f"{one.world} ({one.tasks})", justify="right", no_wrap=True)
    for name in found[0].scores:
        scores.add_row(name, *(_told(one.scores[name]) for one in found))
    yield scores
    differences = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    differences.add_column("difference")
    for one in found:
        differences.add_column(one.world, justify="right", no_wrap=True)
    for ours, against in found[0].differences.items():
        for other in against:
            cells = (_told(one.differences[ours][other], signed=True) for one in found)
            differences.add_row(f"{ours} − {other}", *cells)
    yield differences


def _told(one: Estimate, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{one.value:{sign}.3f} [{one.low:{sign}.3f}, {one.high:{sign}.3f}]"
