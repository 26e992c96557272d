"""Moments that no channel proposes, for advice that is likely all the same.

A channel finds trajectories by what was asked or seen there. What an agent does next is often what it
did before, or what the policy expects; whoever did that, and stood most as the agent stands now, is
worth a look as well.
"""

from __future__ import annotations

import numpy as np

from indexing.engine import Numbers
from retrievers.alignment import Aligned, best_positions, fitting
from retrievers.context import Context

OWN, EXPECTED = 5, 20
"""Pieces of advice that are looked up: the agent's own last ones, and those that the policy expects."""

LOOKED_AT = 100
"""Moments of each advice that are compared, at most; spread evenly over all."""

EACH = 2
"""Steps of each proposed trajectory that are considered."""

TASK = 2.0
"""What a similar task is worth among those who advise the same; a similar step is worth 1."""


def considered(context: Context, trajectories: Numbers, recall: bool = True) -> Aligned:
    """The best steps of each trajectory, the first of each before the others, then what is recalled."""
    positions = best_positions(context, trajectories, EACH)
    if recall:
        given = set(context.moments.advice(positions).tolist())
        positions = np.concatenate([positions, recalled(context, given, trajectories)])
    return fitting(context, positions)


def recalled(context: Context, given: set[int], taken: Numbers) -> Numbers:
    """A position for each likely advice that isn't `given`, of a trajectory that isn't `taken`."""
    wanted = dict.fromkeys([*context.advice[:OWN], *context.expected.likeliest(EXPECTED)])
    moments, scope = context.moments, context.scope.copy()
    scope[taken] = False
    found = []
    for advice in wanted:
        if advice not in given:
            bearing = moments.bearing(advice)
            bearing = bearing[scope[context.snapshot.owners(bearing)]]
            found.append(context.spread(bearing, LOOKED_AT))
    steps = fitting(context, np.concatenate([np.empty(0, np.int64), *found]))
    near = (steps.scores + TASK * context.instruction_similarity(steps.owners)).round(9)
    chosen, start = list[int](), 0
    for bearing in found:
        here = slice(start, start + len(bearing))
        start = here.stop
        free = np.where(scope[steps.owners[here]], near[here], -np.inf)
        if len(free) and free.max() > -np.inf:
            best = here.start + int(free.argmax())
            scope[steps.owners[best]] = False
            chosen.append(int(steps.positions[best]))
    return np.array(chosen, np.int64)
