"""One request at work: the situation as the index sees it, computed once and only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexing.analysis import NO_ACTION, fingerprint
from indexing.embedder import Vectors
from indexing.engine import Floats, Mask, Numbers, Positions
from indexing.errors import DeadlineExceeded
from indexing.snapshot import Snapshot
from indexing.terms import terms
from retrievers.focus import focus, task_words
from retrievers.moments import MomentsOf, context_keys, moments_of
from retrievers.named import hashed
from retrievers.policy import NOTHING_EXPECTED, Expected, Policy, policy_of
from retrievers.policy_inputs import inputs, unnamed
from retrievers.requests import Request
from retrievers.slots import plain, slots

RECENT = (0.5, 0.3, 0.2)
"""What agreement on the last action, the one before and the third last is worth."""

QUERY_CHARACTERS = 20_000
"""How much of a text is searched with."""

POSITION_BITS = 36
"""Enough to number every step of a collection; the bits above hold as many trajectories as memory does."""

REMEMBERED = 12
"""How many of the agent's last actions are read."""


class QueryEmbedder(Protocol):
    """What embeds the texts of a request: `indexing.lane.EmbeddingLane`, or vectors known before."""

    def query(self, text: str, deadline: float | None = None) -> Vectors: ...

    def queries(self, texts: Sequence[str], deadline: float | None = None) -> list[Vectors]: ...


@dataclass
class Context:
    """A snapshot, a request, and what follows from both. Lives as long as the request."""

    snapshot: Snapshot
    lane: QueryEmbedder
    request: Request
    scope: Mask
    policies: Callable[[Snapshot], Policy | None] = policy_of
    """Where the policy comes from: the generation's own, but where a ranker is being fitted."""

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
    def task_text(self) -> str:
        """What plain RAG searches with: the instruction, or the observation of an agent that sent none."""
        situation = self.request.situation
        return (situation.instruction or situation.observation or "")[:QUERY_CHARACTERS]

    @cached_property
    def task_vector(self) -> Vectors | None:
        """The task as a vector; None without the model channel, or where there was no time to embed it."""
        if not self.request.limits.model:
            return None
        try:
            return self.lane.query(self.task_text, self.request.deadline)
        except DeadlineExceeded:
            return None

    @cached_property
    def instruction_plain(self) -> str:
        return plain(self.request.situation.instruction or "")

    @cached_property
    def task_words(self) -> frozenset[str]:
        return task_words(self.instruction_plain)

    @cached_property
    def moments(self) -> MomentsOf:
        return moments_of(self.snapshot)

    @cached_property
    def advice(self) -> list[int]:
        """What the agent's own last actions advise, latest first (see `retrievers.moments`)."""
        history = self.request.situation.history[-REMEMBERED:]
        found: list[int] = []
        seen: list[str] = []
        for step in history:
            seen.insert(0, plain(step.observation))
            found.insert(
                0, fingerprint(slots(step.action, self.instruction_plain, seen, self.moments.everyday))
            )
        return found

    @cached_property
    def moment(self) -> list[int]:
        """The present moment as the contexts of `Moments.contexts`, by kind."""
        last, second = (np.array([key], np.uint64) for key in [*self.advice, 0, 0][:2])
        observation = np.array([self.observed[1] if self.observed else 0], np.uint64)
        seen = focus(self.task_words, self.request.situation.observation or "")
        keys = context_keys(last, second, observation, np.array([fingerprint(seen)], np.uint64))
        return [int(key[0]) for key in keys]

    @cached_property
    def expected(self) -> Expected:
        """What the policy expects at the present moment."""
        policy = self.policies(self.snapshot)
        if policy is None:
            return NOTHING_EXPECTED
        situation = self.request.situation
        history = situation.history
        action = history[-1].action if history else ""
        told, words, seen = self.instruction_plain, self.task_words, situation.observation or ""
        left = unnamed(words, (step.action for step in history))[-1]
        return policy(inputs(told, words, seen, self.advice, len(history), action, left))

    @cached_property
    def sight(self) -> NDArray[np.uint32]:
        """The words of the present observation and of the task, hashed."""
        observation = (self.request.situation.observation or "")[:QUERY_CHARACTERS]
        return np.unique(hashed(self.task_words.union(plain(observation).split())))

    @cached_property
    def bearers(self) -> int:
        """How many moments in scope have the present observation."""
        if self.observed is None:
            return 0
        return len(self.snapshot.occurrences(self.observed[1], self.scope))

    def likeness(self, positions: Numbers) -> Floats:
        """BM25 of the observation at each position, as a share of an equal one's, 0 to 1."""
        if not self.observation_terms:
            return np.zeros(len(positions))
        ideal = self.snapshot.ideal_observation_score(self.observation_terms)
        scores = self.snapshot.score_observations(self.observation_terms, positions)
        return np.minimum(scores / ideal, 1.0) if ideal > 0 else np.zeros(len(positions))

    def instruction_similarity(self, trajectories: Numbers) -> Floats:
        """How near each trajectory's instruction is to the task: in meaning, else in words."""
        if self.task_vector is None:
            return self.instruction_likeness(trajectories)
        return self.snapshot.score_dense_instructions(self.task_vector, trajectories)

    def after_same_actions(self, most: int) -> Numbers:
        """Moments in scope after the same last two pieces of advice; at most so many, spread evenly."""
        found = self.moments.after_two(self.moment[1])
        return self.spread(found[self.scope[self.snapshot.owners(found)]], most)

    def spread(self, positions: Numbers, most: int) -> Numbers:
        """At most so many of the positions, spread evenly.

        In the order of trajectories' names, since their numbers change with a restart or a new generation.
        """
        rank = self.snapshot.trajectories.rank[self.snapshot.owners(positions)].astype(np.int64)
        keys = np.sort(rank << POSITION_BITS | positions)  # an owner's positions follow each other
        spread: Numbers = keys[:: max(1, -(-len(positions) // most))] & ((1 << POSITION_BITS) - 1)
        return spread

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
