"""A policy over advice: how likely each piece is what one would do next, told by the moment alone.

Cloned from the collection's own trajectories (see `retrievers.cloning`). A linear softmax whose classes
share what they are made of: an advice scores the sum of its words, its pairs of words and, where it is
common, itself; so that `click <i> button` learns from all that was clicked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.engine import Floats, Numbers
from indexing.snapshot import Snapshot
from retrievers.policy_inputs import GROUP_BITS, groups

POLICY = "policy.npz"
"""What is learned of a generation: the policy, as numpy's archive of plain arrays."""

UNLISTED = 1_000
"""The rank of an advice that a policy doesn't know."""

Keys = NDArray[np.uint64]
Weights = NDArray[np.float32]


@dataclass(frozen=True)
class Vocabulary:
    """The names that a policy knows, ascending, and what each is worth: log(1 + moments / its moments)."""

    names: Keys
    worth: Weights

    def row(self, names: Keys) -> tuple[Numbers, Weights]:
        """Places and weights of a moment's names; those of each group have length 1 together."""
        places = np.searchsorted(self.names, names)
        places[places == len(self.names)] = 0
        if not len(self.names):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        places = places[self.names[places] == names]
        weights, group = self.worth[places], groups(self.names[places])
        length = np.sqrt(np.bincount(group, weights * weights, 1 << GROUP_BITS))
        return places, (weights / np.maximum(length[group], 1e-6)).astype(np.float32)


@dataclass(frozen=True)
class Expected:
    """What a policy expects at one moment: the chance of each advice that it knows."""

    advice: Keys
    chance: Floats

    @cached_property
    def _descending(self) -> Floats:
        return np.sort(-self.chance)

    def of(self, advice: Keys) -> tuple[Floats, Floats]:
        """The chance of each advice, and how many are likelier; 0 and UNLISTED for an unknown one."""
        if not len(self.advice):
            return np.zeros(len(advice)), np.full(len(advice), float(UNLISTED))
        places = np.searchsorted(self.advice, advice)
        places[places == len(self.advice)] = 0
        known = self.advice[places] == advice
        chance = np.where(known, self.chance[places], 0.0)
        rank = np.where(known, np.searchsorted(self._descending, -chance), UNLISTED).astype(np.float64)
        return chance, rank

    def likeliest(self, most: int) -> list[int]:
        """The likeliest advice, best first."""
        found: list[int] = self.advice[np.argsort(-self.chance, kind="stable")[:most]].tolist()
        return found


NOTHING_EXPECTED = Expected(np.empty(0, np.uint64), np.empty(0))


@dataclass(frozen=True)
class Policy:
    """Weights (names, parts) and bias (parts); `made_of` (advice, parts) is sparse; `advice` ascending."""

    vocabulary: Vocabulary
    advice: Keys
    made_of: Any
    weights: NDArray[np.floating[Any]]
    bias: Weights

    def __call__(self, names: Keys) -> Expected:
        """What is expected at the moment with these names (see `retrievers.policy_inputs`)."""
        places, worth = self.vocabulary.row(names)
        parts = worth @ self.weights[places].astype(np.float32) + self.bias
        scores = (self.made_of @ parts).astype(np.float64)
        chance = np.exp(scores - scores.max())
        return Expected(self.advice, chance / chance.sum())

    def to_bytes(self) -> bytes:
        """The policy as it is kept with a generation; weights as half floats."""
        file = BytesIO()
        np.savez(
            file,
            names=self.vocabulary.names,
            worth=self.vocabulary.worth,
            advice=self.advice,
            weights=self.weights.astype(np.float16),
            bias=self.bias,
            data=self.made_of.data,
            indices=self.made_of.indices,
            indptr=self.made_of.indptr,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Policy:
        """What `to_bytes` wrote."""
        from scipy.sparse import csr_array

        with np.load(BytesIO(content), allow_pickle=False) as kept:
            made_of = csr_array(
                (kept["data"], kept["indices"], kept["indptr"]), (len(kept["advice"]), len(kept["bias"]))
            )
            vocabulary = Vocabulary(kept["names"], kept["worth"])
            return cls(vocabulary, kept["advice"], made_of, kept["weights"], kept["bias"])


def policy_of(snapshot: Snapshot) -> Policy | None:
    """The policy of a snapshot's generation, read once; None where none was cloned."""
    content = snapshot.learned.get(POLICY)
    if content is None:
        return None
    return snapshot.trajectories.segments[0].derived("policy", lambda: Policy.from_bytes(content))
