"""How two observations compare: equal, equal after the normalizer, nearly equal, or by their words."""

from __future__ import annotations

from collections import Counter

from indexing.normalizers import Normalizer
from indexing.terms import terms

NEAR = 0.85
"""Likeness from which an observation counts as nearly equal (the threshold of SLEA-RL, 2603.18079)."""


class Likeness:
    """Compares stored observations with one current observation; None compares to nothing."""

    def __init__(self, normalizer: Normalizer, observation: str | None) -> None:
        self._normalizer = normalizer
        self._observation = observation
        self._normal = None if observation is None else normalizer(observation)
        self._words = Counter(terms(self._normal or ""))

    def kind(self, observation: str) -> tuple[str | None, float]:
        """`exact`, `normalized`, `near` or None, and the likeness from 0 to 1.

        The likeness is Dice's coefficient of the two normalised observations' terms, counted with
        their repeats.
        """
        if self._observation is None:
            return None, 0.0
        if observation == self._observation:
            return "exact", 1.0
        normal = self._normalizer(observation)
        if normal == self._normal:
            return "normalized", 1.0
        words = Counter(terms(normal))
        size = words.total() + self._words.total()
        like = round(2 * (words & self._words).total() / size, 6) if size else 0.0
        return "near" if like >= NEAR else None, like
