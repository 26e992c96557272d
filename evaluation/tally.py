"""From the episodes of a closed loop to its numbers, with intervals by resampling tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.actors import Actor
from evaluation.closed_loop import PLAYED, Counts, Episode, World
from evaluation.results import ACROSS
from evaluation.standings import Kind, Loop, Played, Standing
from evaluation.statistics import RESAMPLES, Bootstrap, Estimate, Numbers, Sampled, average
from evaluation.summary import BASELINES
from indexing.errors import InvalidInput

MEASURES: tuple[Counts, ...] = ("success", "score")


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """What the variants did: by measure, and what counts; steps, advice and time as means over tasks."""

    tasks: int
    by_measure: Mapping[Counts, Sampled]
    counted: Sampled
    costs: Numbers


def tally(
    episodes: Iterable[Episode],
    worlds: Sequence[World],
    actor: Actor,
    variants: Sequence[str] = PLAYED,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Loop:
    """How the variants stand in each world, and on the mean over those that are gated.

    Raises
    ------
    InvalidInput
        No task was played by every variant.
    """
    by_world: defaultdict[str, list[Episode]] = defaultdict(list)
    for one in episodes:
        by_world[one.world].append(one)
    measured: dict[str, _Measured] = {}
    found = []
    for world in worlds:
        rows = _complete(by_world[world.name], world, variants)
        if rows:
            its = measured[world.name] = _measure(rows, world.name, world.counts, seed, resamples)
            kinds = _kinds(rows, world, variants, seed, resamples)
            found.append(
                Played(
                    world.name,
                    world.about,
                    world.held_out,
                    world.counts,
                    its.tasks,
                    _standings(its, variants),
                    kinds,
                    world.gated,
                )
            )
    if not found:
        raise InvalidInput("no task was played by every variant: nothing to sum up")
    gated = [measured[world.name] for world in worlds if world.gated and world.name in measured]
    across = found[0] if len(found) == 1 else _across(gated or list(measured.values()), found, variants)
    baselines = tuple(name for name in BASELINES if name in variants)
    return Loop(actor.name, actor.about, seed, resamples, baselines, across, tuple(found))


def _across(measured: Sequence[_Measured], found: Sequence[Played], variants: Sequence[str]) -> Played:
    mean = _Measured(
        sum(one.tasks for one in measured),
        {name: average([one.by_measure[name] for one in measured]) for name in MEASURES},
        average([one.counted for one in measured]),
        np.mean([one.costs for one in measured], axis=0),
    )
    counts = {one.counts for one in found}
    same = counts.pop() if len(counts) == 1 else None
    return Played(ACROSS, "", "", same, mean.tasks, _standings(mean, variants))


def _complete(episodes: Iterable[Episode], world: World, variants: Sequence[str]) -> list[list[Episode]]:
    """By task, the episodes of all variants in their order; a task that one hasn't played is left out."""
    wanted = {(task.name, task.variation) for task in world.tasks}
    tasks: dict[tuple[str, int], dict[str, Episode]] = {}
    for one in episodes:
        if (one.task, one.variation) in wanted:
            tasks.setdefault((one.task, one.variation), {})[one.variant] = one
    return [
        [played[name] for name in variants]
        for _, played in sorted(tasks.items())
        if all(name in played for name in variants)
    ]


def _measure(
    rows: Sequence[Sequence[Episode]], name: str, counts: Counts, seed: int, resamples: int
) -> _Measured:
    bootstrap, each = Bootstrap(name, seed, resamples), np.arange(len(rows))
    values = {
        "success": np.array([[float(one.success) for one in row] for row in rows]),
        "score": np.array([[one.reward for one in row] for row in rows]),
    }
    by_measure = {measure: bootstrap.mean(values[measure], each) for measure in MEASURES}
    costs = np.array([[(one.steps, one.advised, one.ms) for one in row] for row in rows])
    means = np.column_stack([costs[:, :, :2].mean(axis=0), np.median(costs[:, :, 2], axis=0)])
    return _Measured(len(rows), by_measure, by_measure[counts], means)


def _standings(measured: _Measured, variants: Sequence[str]) -> tuple[Standing, ...]:
    at = {name: place for place, name in enumerate(variants)}
    success, score = (measured.by_measure[name].estimates() for name in MEASURES)
    counted = measured.counted.estimates()
    found = []
    for name, place in at.items():
        steps, advised, ms = measured.costs[place].tolist()
        against = {
            other: _less(measured.counted, place, at[other])
            for other in BASELINES
            if other in at and other != name
        }
        found.append(
            Standing(name, success[place], score[place], counted[place], against, steps, advised, ms)
        )
    return tuple(sorted(found, key=lambda one: (-one.counted.value, -one.score.value, one.variant)))


def _less(sampled: Sampled, ours: int, theirs: int) -> Estimate:
    first, second = (Sampled(sampled.value[[at]], sampled.draws[:, [at]]) for at in (ours, theirs))
    return (first - second).estimates()[0]


def _kinds(
    rows: Sequence[Sequence[Episode]], world: World, variants: Sequence[str], seed: int, resamples: int
) -> tuple[Kind, ...]:
    by_family: defaultdict[str, list[Sequence[Episode]]] = defaultdict(list)
    for row in rows:
        by_family[row[0].family or row[0].task].append(row)
    if len(by_family) < 2:
        return ()
    found = []
    for family, its in sorted(by_family.items()):
        measured = _measure(its, f"{world.name}/{family}", world.counts, seed, resamples)
        counted = dict(zip(variants, measured.counted.estimates(), strict=True))
        found.append(Kind(family, len(its), counted))
    return tuple(found)
