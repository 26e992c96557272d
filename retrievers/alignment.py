"""Alignment: the step of a trajectory that is most like the agent's present one.

What the paper lacks: a demonstration is worth most when the agent sees what was done next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from indexing.analysis import NO_ACTION
from indexing.engine import Floats, Mask, Numbers
from retrievers.context import Context
from retrievers.requests import Candidate

ADVICE = (0.5, 0.3, 0.2)
"""What it is worth that the last action advised the same, that the one before did too, and the third."""

SAME, LIKE, AGREE, PLACE = 1.0, 1.0, 0.3, 0.1
"""Weights: an equal observation, a similar one, the very same last actions, the same place in the episode."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """For each trajectory its best position and what speaks for it, one entry each.

    `agree` tells whether the last action advised the same, whether the one before did, and the third;
    `same` says that it is the same moment: an equal observation after the very same last actions.
    """

    positions: Numbers
    owners: Numbers
    index: Numbers
    scores: Floats
    equal: Mask
    like: Floats
    agree: tuple[Mask, ...]
    same: Mask


def align(context: Context, trajectories: Numbers) -> Aligned:
    """The best position of each trajectory; final observations only where there is nothing else."""
    snapshot = context.snapshot
    numbers = snapshot.positions_of(trajectories)
    facts = snapshot.positions(numbers)
    _, equal = context.same(facts)
    like = context.likeness(numbers)
    here = len(context.request.situation.history)
    last = [*context.advice, 0, 0, 0]
    agree = tuple(
        before == np.uint64(key) for before, key in zip(context.moments.before(numbers), last, strict=False)
    )
    agreement = context.agreement(facts)
    fit = SAME * equal + LIKE * like + AGREE * agreement + PLACE / (1.0 + np.abs(facts.index - here))
    run = np.ones(len(numbers), bool)
    for worth, also in zip(ADVICE[: max(here, 1)], agree, strict=False):
        run &= also
        fit = fit + worth * run
    fit = np.where(facts.action == np.uint64(NO_ACTION), -1.0, fit.round(9))
    same = equal & (agreement >= 1.0 - 1e-9)
    best = _first_peaks(fit, facts.owner)
    return Aligned(
        numbers[best],
        facts.owner[best],
        facts.index[best],
        fit[best],
        equal[best],
        like[best],
        tuple(also[best] for also in agree),
        same[best],
    )


def _first_peaks(fit: Floats, owner: Numbers) -> Numbers:
    """Where each run of one owner first has its highest value."""
    if not len(fit):
        return np.empty(0, np.int64)
    start = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]]))
    peaks = np.maximum.reduceat(fit, start)
    at = np.flatnonzero(fit == np.repeat(peaks, np.diff([*start, len(fit)])))
    return at[np.searchsorted(at, start)]


def aligned(context: Context, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates at their best positions."""
    if not candidates:
        return []
    found = align(context, np.array([candidate.trajectory for candidate in candidates], np.int64))
    positions = found.positions.tolist()
    return [replace(one, position=at) for one, at in zip(candidates, positions, strict=True)]
