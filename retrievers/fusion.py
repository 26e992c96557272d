"""Several rankings into one, by rank alone: scores of different channels have different scales."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)

RANK_CONSTANT = 60
"""k of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""


def reciprocal_rank_fusion(
    rankings: Iterable[Sequence[Item]], weights: Iterable[float] | None = None, constant: int = RANK_CONSTANT
) -> dict[Item, float]:
    """Each item's sum of weight / (constant + rank) over the rankings it stands in, rank from 1.

    >>> reciprocal_rank_fusion([["a", "b"], ["b"]])["b"] > reciprocal_rank_fusion([["a", "b"]])["a"]
    True
    """
    fused: dict[Item, float] = {}
    rankings = list(rankings)
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for rank, item in enumerate(ranking, 1):
            fused[item] = fused.get(item, 0.0) + weight / (constant + rank)
    return fused
