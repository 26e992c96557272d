"""How stored observations compare to the current one: equal, equal normalised, nearly, or by their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from indexing.snapshot import Snapshot

NEAR = 0.85
"""Likeness from which an observation counts as nearly equal (the threshold of SLEA-RL, 2603.18079)."""

Likeness: TypeAlias = tuple[str | None, float]
"""`exact`, `normalized`, `near` or None, and the likeness from 0 to 1."""

NOTHING: Likeness = None, 0.0


def likenesses(
    snapshot: Snapshot, observed: tuple[int, int, Sequence[str]], positions: Sequence[int]
) -> dict[int, Likeness]:
    """How the observation at each position compares.

    `observed` is what `Analyzer.situation` reads of the current observation. The likeness is Dice's
    coefficient of the two normalised observations' terms, counted with their repeats.
    """
    if not positions:
        return {}
    verbatim, normalized, words = observed
    facts = snapshot.positions(np.array(positions, np.int64))
    found: dict[int, Likeness] = {}
    for position, key, normal in zip(
        positions, facts.verbatim.tolist(), facts.normalized.tolist(), strict=True
    ):
        if key == verbatim:
            found[position] = "exact", 1.0
        elif normal == normalized:
            found[position] = "normalized", 1.0
    others = [position for position in positions if position not in found]
    if others:
        shared, lengths = snapshot.shared_terms(words, np.array(others, np.int64))
        for position, common, length in zip(others, shared.tolist(), lengths.tolist(), strict=True):
            size = length + len(words)
            like = round(2 * common / size, 6) if size else 0.0
            found[position] = "near" if like >= NEAR else None, like
    return found
