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
    """Positions of trajectories and what speaks for each, one entry each.

    `agree` tells whether the last action advised the same, whether the one before did, and the third;
    `same` says that it is the same moment: an equal observation, if one is given, after the very same
    last actions.
    """

    positions: Numbers
    owners: Numbers
    index: Numbers
    scores: Floats
    equal: Mask
    like: Floats
    agree: tuple[Mask, ...]
    same: Mask


def fitting(context: Context, positions: Numbers) -> Aligned:
    """How well each of these positions fits; a final observation, after which nothing was done, has -1."""
    snapshot = context.snapshot
    facts = snapshot.positions(positions)
    _, equal = context.same(facts)
    like = context.likeness(positions)
    here = len(context.request.situation.history)
    last = [*context.advice, 0, 0, 0]
    agree = tuple(
        before == np.uint64(key) for before, key in zip(context.moments.before(positions), last, strict=False)
    )
    agreement = context.agreement(facts)
    fit = SAME * equal + LIKE * like + AGREE * agreement + PLACE / (1.0 + np.abs(facts.index - here))
    run = np.ones(len(positions), bool)
    for worth, also in zip(ADVICE[: max(here, 1)], agree, strict=False):
        run &= also
        fit = fit + worth * run
    fit = np.where(facts.action == np.uint64(NO_ACTION), -1.0, fit.round(9))
    same = (equal | (context.observed is None)) & (agreement >= 1.0 - 1e-9)
    return Aligned(positions, facts.owner, facts.index, fit, equal, like, agree, same)


def best_positions(context: Context, trajectories: Numbers, each: int = 1) -> Numbers:
    """The best position of each trajectory, in their order, then up to `each` - 1 more of each.

    Of equally good ones the first; a final observation only where there is nothing else.
    """
    found = fitting(context, context.snapshot.positions_of(trajectories))
    owner = found.owners
    starts = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]])[: len(owner)])
    lengths = np.diff([*starts.tolist(), len(owner)])
    run = np.repeat(np.arange(len(starts)), lengths)
    order = np.lexsort((found.positions, -found.scores, run))
    turn = np.arange(len(owner)) - np.repeat(starts, lengths)
    more = order[(turn > 0) & (turn < each)]
    more = more[found.scores[more] > -1.0]
    return np.concatenate([found.positions[order[turn == 0]], found.positions[more]])


def align(context: Context, trajectories: Numbers) -> Aligned:
    """The best position of each trajectory."""
    return fitting(context, best_positions(context, trajectories))


def aligned(context: Context, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates at their best positions."""
    if not candidates:
        return []
    numbers = np.array([candidate.trajectory for candidate in candidates], np.int64)
    positions = best_positions(context, numbers).tolist()
    return [replace(one, position=at) for one, at in zip(candidates, positions, strict=True)]
