"""Which steps of a trajectory to show when not all of them fit: those around the one that matters."""

from __future__ import annotations

from collections.abc import Sequence


def window(costs: Sequence[int], centre: int, budget: int) -> range:
    """The longest run of steps around `centre` that costs at most `budget`.

    Grown by turns, what came after before what came before: what happened next is what the agent
    asks for. A side that no longer fits ends. Empty where the centre alone costs too much.

    >>> window([5, 5, 5, 5, 5], 2, 16)
    range(1, 4)
    >>> window([5, 5, 5, 5, 5], 0, 12)
    range(0, 2)
    >>> window([5, 50, 5], 1, 20)
    range(1, 1)
    """
    if costs[centre] > budget:
        return range(centre, centre)
    first, last, left = centre, centre + 1, budget - costs[centre]
    forward = backward = True
    while forward or backward:
        if forward := forward and last < len(costs) and costs[last] <= left:
            left -= costs[last]
            last += 1
        if backward := backward and first > 0 and costs[first - 1] <= left:
            first -= 1
            left -= costs[first]
    return range(first, last)
