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

SAME, LIKE, AGREE, PLACE = 1.0, 1.0, 1.0, 0.1
"""Weights: an equal observation, a similar one, the same last actions, the same place in the episode."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """For each trajectory its best position, how well it fits, and whether it is the same moment.

    The same moment: an equal observation after the same last actions.
    """

    positions: Numbers
    scores: Floats
    same: Mask


def align(context: Context, trajectories: Numbers) -> Aligned:
    """The best position of each trajectory; final observations only where there is nothing else."""
    snapshot = context.snapshot
    numbers = snapshot.positions_of(trajectories)
    facts = snapshot.positions(numbers)
    _, normalized = context.same(facts)
    likeness = np.zeros(len(numbers))
    if context.observation_terms:
        ideal = snapshot.ideal_observation_score(context.observation_terms)
        scores = snapshot.score_observations(context.observation_terms, numbers)
        likeness = np.minimum(scores / ideal, 1.0) if ideal > 0 else likeness
    here = len(context.request.situation.history)
    place = 1.0 / (1.0 + np.abs(facts.index - here))
    agreement = context.agreement(facts)
    fit = SAME * normalized + LIKE * likeness + AGREE * agreement + PLACE * place
    fit = np.where(facts.action == np.uint64(NO_ACTION), -1.0, fit.round(9))
    if not len(numbers):
        return Aligned(numbers, fit, normalized)
    start = np.flatnonzero(np.concatenate([[True], facts.owner[1:] != facts.owner[:-1]]))
    peaks = np.maximum.reduceat(fit, start)
    at = np.flatnonzero(fit == np.repeat(peaks, np.diff([*start, len(numbers)])))
    best = at[np.searchsorted(at, start)]
    return Aligned(numbers[best], fit[best], (normalized & (agreement >= 1.0 - 1e-9))[best])


def aligned(context: Context, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates at their best positions."""
    if not candidates:
        return []
    found = align(context, np.array([candidate.trajectory for candidate in candidates], np.int64))
    positions = found.positions.tolist()
    return [replace(one, position=at) for one, at in zip(candidates, positions, strict=True)]
