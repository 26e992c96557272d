"""The observation channel: trajectories in which the current observation occurs (Algorithm 2, line 1).

Exact equality first, then equality after the collection's normalizer, then BM25 over observations.
Among equal observations, which may be hundreds, the rest of the situation decides.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np

from indexing.analysis import NO_ACTION
from retrievers.context import Context
from retrievers.requests import Candidate

CHANNEL = "observation"
TIES = 10
"""Trajectories looked at beyond those wanted: observations that score the same are ranked by the rest."""

PREFERENCE = np.array([2, 0, 1])
"""By outcome (0 failure, 1 success, -1 unknown): success first, failure last."""


def equal_observations(context: Context, k: int) -> list[Candidate]:
    """At most k trajectories that saw the current observation, best first."""
    if context.observed is None or k <= 0:
        return []
    numbers = context.snapshot.occurrences(context.observed[1], context.scope)
    if not len(numbers):
        return []
    snapshot = context.snapshot
    facts = snapshot.positions(numbers)
    exact, _ = context.same(facts)
    order = [0]
    if len(numbers) > 1:
        rank = snapshot.trajectories.rank[facts.owner]
        outcome = PREFERENCE[snapshot.success_of(facts.owner)]
        ended = facts.action == np.uint64(NO_ACTION)
        order = np.lexsort((facts.index, rank, outcome, -context.rest(facts), ~exact, ended)).tolist()
    chosen = _first_of_each(facts.owner[order].tolist(), k, set())
    return [
        Candidate(int(facts.owner[i]), int(numbers[i]), CHANNEL, "exact" if exact[i] else "normalized")
        for i in (order[place] for place in chosen)
    ]


def similar_observations(context: Context, k: int, known: set[int]) -> list[Candidate]:
    """At most k further trajectories by BM25, each at its best step."""
    if not context.observation_terms or k <= 0:
        return []
    snapshot = context.snapshot
    hits = snapshot.search_observations(context.observation_terms, k + len(known) + TIES, context.scope)
    facts = snapshot.positions(hits.numbers)
    order = np.arange(len(hits))
    scores = hits.scores.round(6)
    if (scores[1:] == scores[:-1]).any():
        order = np.lexsort((snapshot.trajectories.rank[facts.owner], -context.rest(facts), -scores))
    owners, positions = facts.owner[order].tolist(), hits.numbers[order].tolist()
    return [
        Candidate(owners[place], positions[place], CHANNEL, "lexical")
        for place in _first_of_each(owners, k, known)
    ]


def _first_of_each(owners: Sequence[int], k: int, known: Set[int]) -> list[int]:
    """The first place of each owner that isn't known, at most k places."""
    seen = set(known)
    places: list[int] = []
    for place, owner in enumerate(owners):
        if len(places) == k:
            break
        if owner not in seen:
            seen.add(owner)
            places.append(place)
    return places


def by_observation(context: Context, k: int) -> list[Candidate]:
    """The channel: equal observations, then similar ones, at most k trajectories in all."""
    equal = equal_observations(context, k)
    similar = similar_observations(context, k - len(equal), {found.trajectory for found in equal})
    return equal + similar
