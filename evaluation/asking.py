"""How every variant is asked, and which step each of its demonstrations stands for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrievers.alignment import align
from retrievers.context import Context
from retrievers.query_writers.template import template_query
from retrievers.requests import Demonstration, Limits, Request
from retrievers.situation import Query, Situation


def request(situation: Situation, limits: Limits) -> Request:
    """What an agent without a language model of its own asks there."""
    return Request(situation, queries=(Query(template_query(situation), "template"),), limits=limits)


def located(context: Context, shown: Sequence[Demonstration], again: bool = False) -> list[tuple[int, int]]:
    """The trajectory's number and the step of each demonstration.

    One that came without a step, and every one that is looked at `again` in a later situation, is
    aligned by the rule that aligns ours. The step is the trajectory's length at its final observation.
    """
    snapshot = context.snapshot
    numbers = [snapshot.trajectories.number(one.id) or 0 for one in shown]
    if not any(again or one.step is None for one in shown):
        return [(number, one.step or 0) for number, one in zip(numbers, shown, strict=True)]
    positions = align(context, np.array(numbers, np.int64)).positions.tolist()
    return [
        (number, position - snapshot.first_position(number) if again or one.step is None else one.step)
        for number, position, one in zip(numbers, positions, shown, strict=True)
    ]
