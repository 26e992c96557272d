"""How good, and how sure: hit rates and reciprocal ranks, with intervals by resampling whole episodes.

The steps of one episode resemble each other, so an interval that resampled steps would be too narrow:
a resample draws as many episodes as there are, with replacement, and takes all steps of each (the
cluster bootstrap). What is measured on the same situations shares its resamples, which makes
differences and ratios paired. Collections weigh the same: each is resampled by itself, then averaged.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
LEVEL = 0.95
"""Share of the resamples that an interval spans."""

Numbers: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number as measured, and the interval that spans 95 % of what resamples make of it."""

    value: float
    low: float
    high: float

    @property
    def is_positive(self) -> bool:
        """Whether the whole interval is above zero."""
        return self.low > 0

    @property
    def is_negative(self) -> bool:
        """Whether the whole interval is below zero."""
        return self.high < 0


def ranks(found: Iterable[int | None]) -> Numbers:
    """Ranks from 1 as numbers; what wasn't found is infinitely far down."""
    return np.array([np.inf if rank is None else rank for rank in found], dtype=np.float64)


def hits(ranks: Numbers, k: float = np.inf) -> Numbers:
    """Hit@k of each situation: 1 where the rank is at most k and finite, else 0.

    >>> hits(ranks([1, 3, None]), 1)
    array([1., 0., 0.])
    """
    return ((ranks <= k) & np.isfinite(ranks)).astype(np.float64)


def reciprocal(ranks: Numbers) -> Numbers:
    """The reciprocal rank of each situation, whose mean is MRR.

    >>> reciprocal(ranks([1, 4, None]))
    array([1.  , 0.25, 0.  ])
    """
    return 1.0 / ranks


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Several means at once: as measured (`columns`), and in each resample (`resamples x columns`)."""

    value: Numbers
    draws: Numbers

    def __sub__(self, other: Sampled) -> Sampled:
        return Sampled(self.value - other.value, self.draws - other.draws)

    def estimates(self) -> list[Estimate]:
        """Each column with its percentile interval, which is widened to hold the measured number."""
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(self.draws, (tail, 1 - tail), axis=0)
        low, high = np.minimum(low, self.value), np.maximum(high, self.value)
        return [Estimate(*map(float, column)) for column in zip(self.value, low, high, strict=True)]

    def ratios(self, other: Sampled) -> list[Estimate | None]:
        """Each column as a multiple of the other's; None where the other is zero, even in one resample."""
        defined = (other.value > 0) & (other.draws > 0).all(axis=0)
        value, draws = np.where(defined, other.value, 1.0), np.where(defined, other.draws, 1.0)
        found = Sampled(self.value / value, self.draws / draws).estimates()
        return [ratio if known else None for ratio, known in zip(found, defined, strict=True)]


def average(samples: Sequence[Sampled]) -> Sampled:
    """The mean over collections, each of the same weight and resampled by itself."""
    return Sampled(
        np.mean([sample.value for sample in samples], axis=0),
        np.mean([sample.draws for sample in samples], axis=0),
    )


class Bootstrap:
    """Resamples of the episodes of one collection; the same seed and name give the same resamples."""

    def __init__(self, name: str, seed: int = 0, resamples: int = RESAMPLES) -> None:
        self._seed = (seed, zlib.crc32(name.encode()))
        self._resamples = resamples
        self._drawn: dict[int, Numbers] = {}

    def mean(self, values: Numbers, episodes: Indices) -> Sampled:
        """The means over situations of `values` (`situations x columns`), given the episode of each."""
        present, episode = np.unique(episodes, return_inverse=True)
        sums = np.zeros((len(present), values.shape[1]))
        np.add.at(sums, episode, values)
        counts = np.bincount(episode).astype(np.float64)
        drawn = self._times_drawn(len(present))
        # einsum, because BLAS would spend more on waking its threads, and round by how many there are
        means = np.einsum("re,ce->rc", drawn, sums.T.copy()) / (drawn @ counts)[:, np.newaxis]
        return Sampled(sums.sum(axis=0) / counts.sum(), means)

    def _times_drawn(self, episodes: int) -> Numbers:
        """How often each episode stands in each resample (`resamples x episodes`)."""
        if episodes not in self._drawn:
            even = np.full(episodes, 1.0 / episodes)
            random = np.random.default_rng([*self._seed, episodes])
            self._drawn[episodes] = random.multinomial(episodes, even, self._resamples).astype(np.float64)
        return self._drawn[episodes]
