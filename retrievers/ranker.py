"""Scores for what candidates advise: by a model fitted on the collection itself, else by rule."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexing.engine import Floats
from indexing.snapshot import Snapshot
from retrievers.features import FEATURES, MOST, column

MODEL = "ranker.txt"
"""What is learned of a generation: the fitted model, in LightGBM's text format."""

WITHOUT_OPENMP = (
    "LightGBM can't be loaded (%s): demonstrations are ranked by rule; "
    "on Debian and Ubuntu run: apt-get install libgomp1"
)

OF_ANOTHER_VERSION = (
    "the fitted ranker is another version's: demonstrations are ranked by rule; run: precedent reindex"
)

log = logging.getLogger(__name__)


class Ranker(Protocol):
    """Scores pieces of advice by their features."""

    def __call__(self, matrix: NDArray[np.float64]) -> Floats:
        """A score for each row of (advice, FEATURES); higher is better."""
        ...


class RuleRanker:
    """By how many candidates give the advice, each weighted by its fit; among equals by the best fit."""

    def __call__(self, matrix: NDArray[np.float64]) -> Floats:
        return matrix[:, column("votes_fit")] + 1e-3 * matrix[:, column("fit_behind" + MOST)]


@dataclass(frozen=True)
class FittedRanker:
    """The model's estimate that an advice is the one to follow, 0 to 1."""

    booster: Any

    @classmethod
    def load(cls, model: bytes) -> FittedRanker:
        """Read a model that `fit` wrote."""
        import lightgbm

        return cls(lightgbm.Booster(model_str=model.decode()))

    def __call__(self, matrix: NDArray[np.float64]) -> Floats:
        scores: Floats = self.booster.predict(matrix, num_threads=1)
        return scores


def ranker_of(snapshot: Snapshot) -> Ranker:
    """The ranker of a snapshot's generation, loaded once; the rule where none was fitted."""
    model = snapshot.learned.get(MODEL)
    if model is None:
        return RuleRanker()
    base = snapshot.trajectories.segments[0]
    return base.derived("ranker", lambda: _loaded(model))


def is_fitted(snapshot: Snapshot) -> bool:
    """Whether a ranker was fitted for a snapshot's generation."""
    return MODEL in snapshot.learned


def _loaded(model: bytes) -> Ranker:
    try:
        fitted = FittedRanker.load(model)
    except OSError as error:
        log.warning(WITHOUT_OPENMP, error)
        return RuleRanker()
    if fitted.booster.feature_name() != list(FEATURES):
        log.warning(OF_ANOTHER_VERSION)
        return RuleRanker()
    return fitted
