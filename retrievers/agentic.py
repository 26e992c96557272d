"""Our own strategy: every channel proposes, proposals are aligned, a fitted ranker orders what they advise.

It starts from the paper's two channels and adds what the paper lacks: similarity of the task, the
fit of the aligned step, agreement among proposals and among all moments like the present one on what
to do next, what a policy cloned from the collection expects, and variety: one demonstration of each
advice before a second of the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from indexing.analysis import fingerprint
from indexing.engine import Numbers
from retrievers.alignment import Aligned
from retrievers.baselines import by_instruction
from retrievers.context import Context
from retrievers.features import Proposals, features
from retrievers.model_channel import CHANNEL as MODEL
from retrievers.model_channel import Degraded, by_queries, by_words, embed_ahead
from retrievers.observation_channel import CHANNEL as OBSERVATION
from retrievers.observation_channel import equal_observations, similar_observations
from retrievers.ranker import FittedRanker, ranker_of
from retrievers.recall import TASK, considered
from retrievers.requests import Candidate, Limits

POOL = 40
"""Trajectories that each channel proposes, at the least; of equal observations twice as many."""

IN_SIGHT = 2.0
"""What it is worth among those who advise the same that all that was named there is told or in sight here."""

RARE = 3
"""An observation that no more trajectories saw says by itself where the agent stands."""


def propose(
    context: Context, limits: Limits, degraded: Degraded
) -> tuple[Proposals, dict[int, Candidate], set[int]]:
    """What the channels propose, each trajectory as it was found first, and which ones were seen by it.

    A written query is searched by meaning and by words. The template's says nothing that the
    instruction and the observation don't say, so it is searched by words alone and costs no embedding.
    """
    size = max(POOL, 2 * limits.total)
    written = tuple(query for query in context.request.queries if query.writer != "template")
    if limits.model:
        embed_ahead(context, [*(query.text for query in written), context.task_text], degraded)
    equal = equal_observations(context, 2 * size) if limits.observation else []
    similar = similar_observations(context, size, set()) if limits.observation else []
    task = by_instruction(context, size, degraded) if limits.model else []
    words = by_words(context, size) if limits.model else []
    meant = by_queries(context, size, degraded) if limits.model and written else []
    found: dict[int, Candidate] = {}
    for candidate in (*equal, *similar, *meant, *words, *task):
        found.setdefault(candidate.trajectory, candidate)
    lists = ([one.trajectory for one in channel] for channel in (equal, similar, task, words, meant))
    return Proposals(*lists), found, {one.trajectory for one in (*equal, *similar)}


def agentic(context: Context, limits: Limits, degraded: Degraded) -> list[Candidate]:
    """Candidates of both channels in one order, within the limits of each channel and in all."""
    proposals, found, seen = propose(context, limits, degraded)
    numbers = proposals.trajectories
    if not len(numbers):
        return []
    steps = considered(context, numbers, recall=limits.model > 0)
    advised = features(context, proposals, steps)
    ranker = ranker_of(context.snapshot)
    scores = ranker(advised.matrix)
    rank = context.snapshot.trajectories.rank[steps.owners]
    kin = steps.scores + TASK * context.instruction_similarity(steps.owners)
    kin += IN_SIGHT * context.moments.in_sight(steps.positions, context.sight)
    tiers = _tiers(context, steps, isinstance(ranker, FittedRanker))
    order = np.lexsort((rank, -kin.round(9), advised.choice, -scores.round(9)[advised.choice], tiers))
    placed = (_placed(context, found, steps, place) for place in _varied(order, advised.choice, steps.owners))
    recalled = {owner for owner in steps.owners.tolist() if owner not in found}
    meant = {*proposals.instruction, *proposals.words, *proposals.others, *recalled}
    return _within(placed, seen, meant, limits)


def _varied(order: Numbers, choice: Numbers, owners: Numbers) -> Iterator[int]:
    """Places in this order, one of each advice before a second of the same, no trajectory twice.

    `choice` is each candidate's advice. Of those who advise the same the next of kin comes first in the
    order: to follow one whose task and place are ours, and who named what is here, is easiest.
    """
    waiting, shown = order.tolist(), set[int]()
    while waiting:
        given, later = set[int](), list[int]()
        for place in waiting:
            advice, owner = int(choice[place]), int(owners[place])
            if owner in shown:
                continue
            if advice in given:
                later.append(place)
                continue
            given.add(advice)
            shown.add(owner)
            yield place
        waiting = later


def _placed(context: Context, found: dict[int, Candidate], steps: Aligned, place: int) -> Candidate:
    """A candidate at its step; one that was recalled for what it advises is of the kind `advice`."""
    trajectory, position = int(steps.owners[place]), int(steps.positions[place])
    if trajectory in found:
        return replace(found[trajectory], position=position)
    chance = context.expected.of(context.moments.advice(steps.positions[place : place + 1]))[0][0]
    return Candidate(trajectory, position, MODEL, "advice", round(float(chance), 6))


def _tiers(context: Context, steps: Aligned, fitted: bool) -> Numbers:
    """0 for twins, told the same and here after the same actions; 1 for the few who saw this; else 2.

    A fitted ranker has learned what it is worth that few saw this.
    """
    told = np.uint64(fingerprint(context.request.situation.instruction or ""))
    twins = steps.same & (context.snapshot.instruction_keys(steps.owners) == told)
    few = steps.equal & (not fitted and len(np.unique(steps.owners[steps.equal])) <= RARE)
    return np.where(twins, 0, np.where(few, 1, 2))


def _within(ranked: Iterable[Candidate], seen: set[int], meant: set[int], limits: Limits) -> list[Candidate]:
    """The first of a ranking that fit the limits; each counts for a channel that proposed it."""
    room = {OBSERVATION: limits.observation, MODEL: limits.model}
    kept: list[Candidate] = []
    for candidate in ranked if limits.total > 0 else ():
        proposers = [OBSERVATION] * (candidate.trajectory in seen) + [MODEL] * (candidate.trajectory in meant)
        channel = next((name for name in proposers if room[name] > 0), None)
        if channel is not None:
            room[channel] -= 1
            kept.append(replace(candidate, channel=channel))
        if len(kept) == limits.total:
            break
    return kept
