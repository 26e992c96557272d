"""One request at work: the situation as the index sees it, computed once and only when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from indexing.analysis import NO_ACTION, fingerprint
from indexing.engine import Floats, Mask, Numbers, Positions
from indexing.lane import EmbeddingLane
from indexing.snapshot import Snapshot
from indexing.terms import terms
from retrievers.requests import Request

RECENT = (0.5, 0.3, 0.2)
"""What agreement on the last action, the one before and the third last is worth."""

QUERY_CHARACTERS = 20_000
"""How much of a text is searched with."""


@dataclass
class Context:
    """A snapshot, a request, and what follows from both. Lives as long as the request."""

    snapshot: Snapshot
    lane: EmbeddingLane
    request: Request
    scope: Mask

    @cached_property
    def observed(self) -> tuple[int, int, list[str]] | None:
        """Verbatim and normalised fingerprint and terms of the current observation."""
        observation = self.request.situation.observation
        return None if observation is None else self.snapshot.analyzer.situation(observation)

    @cached_property
    def observation_terms(self) -> list[str]:
        return self.observed[2][:QUERY_CHARACTERS] if self.observed else []

    @cached_property
    def instruction_terms(self) -> list[str]:
        return terms((self.request.situation.instruction or "")[:QUERY_CHARACTERS])

    @cached_property
    def recent_actions(self) -> list[int]:
        """Fingerprints of the last actions, latest first."""
        history = self.request.situation.history[-len(RECENT) :]
        return [fingerprint(step.action) for step in reversed(history)]

    def same(self, facts: Positions) -> tuple[Mask, Mask]:
        """Where the observation equals the current one: verbatim, and after normalising."""
        if self.observed is None:
            nowhere = np.zeros(len(facts.numbers), bool)
            return nowhere, nowhere
        verbatim, normalized, _ = self.observed
        exact: Mask = facts.verbatim == np.uint64(verbatim)
        equal: Mask = facts.normalized == np.uint64(normalized)
        return exact, equal

    def agreement(self, facts: Positions) -> Floats:
        """How far the actions before each position are the agent's own last ones, 0 to 1."""
        if not self.request.situation.history:
            return np.where(facts.index == 0, 1.0, 0.0)
        found = np.zeros(len(facts.numbers))
        for back, (action, worth) in enumerate(zip(self.recent_actions, RECENT, strict=False), 1):
            there = facts.index >= back
            before = self.snapshot.actions_at(facts.numbers[there] - back)
            found[there] += worth * (before == np.uint64(action))
        return found / sum(RECENT[: len(self.recent_actions)])

    def instruction_likeness(self, trajectories: Numbers) -> Floats:
        """BM25 of each trajectory's instruction, as a share of the best among them."""
        if not self.instruction_terms or not len(trajectories):
            return np.zeros(len(trajectories))
        scores = self.snapshot.score_instructions(self.instruction_terms, trajectories)
        best = scores.max()
        likeness: Floats = scores / best if best > 0 else scores
        return likeness

    def rest(self, facts: Positions) -> Floats:
        """How well the rest of the situation fits at each position: instruction and last actions, 0 to 1.

        A final observation, after which nothing was done, comes last.
        """
        fit = (self.agreement(facts) + self.instruction_likeness(facts.owner)) / 2
        return np.where(facts.action == np.uint64(NO_ACTION), fit - 2.0, fit)
