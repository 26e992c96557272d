"""The search engine's seam: what a strategy may ask of a collection's trajectories.

An engine answers from one generation and its delta, as they stood when it was taken. Trajectories
and positions (see `indexing.analysis`) are numbers that mean something within one engine only.
Ties are broken by the trajectory's id, then by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from indexing.filters import Filter
from indexing.records import Trajectory

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
LexicalField = Literal["instruction", "trajectory"]
DenseField = Literal["instruction", "outline"]


@dataclass(frozen=True, slots=True)
class Hits:
    """Numbers (of trajectories or of positions) with their scores, best first."""

    numbers: Numbers
    scores: Floats

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class Positions:
    """Facts about some positions, one entry each.

    `index` counts from 0 within the trajectory and equals its number of steps at a final
    observation; `action` is 0 there. `verbatim` and `action` are fingerprints.
    """

    numbers: Numbers
    owner: Numbers
    index: Numbers
    verbatim: NDArray[np.uint64]
    normalized: NDArray[np.uint64]
    action: NDArray[np.uint64]


class SearchEngine(Protocol):
    """One collection's trajectories at one moment; safe to use from many threads."""

    @property
    def generation(self) -> str: ...

    @property
    def size(self) -> int:
        """Number of trajectory numbers, dead ones included: the length of a scope."""

    def scope(self, conditions: Filter, exclude: Sequence[str]) -> Mask:
        """Which trajectories may be returned: alive, meeting the filter, not excluded."""

    def occurrences(self, normalized: int, scope: Mask) -> Numbers:
        """Positions whose normalised observation has this fingerprint."""

    def search_observations(self, terms: Sequence[str], k: int, scope: Mask) -> Hits:
        """The best position of each of the k trajectories whose observations match best, by BM25."""

    def score_observations(self, terms: Sequence[str], positions: Numbers) -> Floats:
        """BM25 of the observation at each position."""

    def search_lexical(self, field: LexicalField, terms: Sequence[str], k: int, scope: Mask) -> Hits:
        """The k best trajectories by BM25 over a field."""

    def search_dense(self, field: DenseField, vector: NDArray[np.float32], k: int, scope: Mask) -> Hits:
        """The k nearest trajectories by cosine."""

    def positions(self, numbers: Numbers) -> Positions:
        """Facts about positions."""

    def positions_of(self, trajectories: Numbers) -> Numbers:
        """All positions of some trajectories, trajectory by trajectory, in order."""

    def trajectory(self, number: int) -> Trajectory:
        """The record of a trajectory."""
