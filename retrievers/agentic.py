"""Our own strategy: every channel proposes, each is aligned to the agent's present step, ranks are fused.

It starts from the paper's two channels and adds what the paper lacks: similarity of the task, the
fit of the aligned step as a ranking of its own, agreement among proposals on what to do next, and
variety: one demonstration of each next action before a second of the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace

import numpy as np

from indexing.analysis import fingerprint
from retrievers.alignment import align
from retrievers.baselines import by_instruction, task_text
from retrievers.context import Context
from retrievers.fusion import reciprocal_rank_fusion
from retrievers.model_channel import CHANNEL as MODEL
from retrievers.model_channel import Degraded, by_queries, embed_ahead
from retrievers.observation_channel import CHANNEL as OBSERVATION
from retrievers.observation_channel import by_observation
from retrievers.requests import Candidate, Limits

POOL = 20
"""Trajectories that each channel proposes, at the least."""

RARE = 3
"""An observation that no more trajectories saw says by itself where the agent stands."""

CONSENT = 0.01
"""What full agreement of all proposals on one next action adds to a fused score (a first rank adds 1/61)."""


def agentic(context: Context, limits: Limits, degraded: Degraded) -> list[Candidate]:
    """Candidates of both channels in one order, within the limits of each channel and in all."""
    size = max(POOL, 2 * limits.total)
    if limits.model:
        embed_ahead(
            context, [*(query.text for query in context.request.queries), task_text(context)], degraded
        )
    seen = by_observation(context, size) if limits.observation else []
    meant = by_queries(context, size, degraded) if limits.model else []
    task = by_instruction(context, size, degraded) if limits.model and context.instruction_terms else []
    found: dict[int, Candidate] = {}
    for candidate in (*seen, *meant, *task):
        found.setdefault(candidate.trajectory, candidate)
    if not found:
        return []
    numbers = np.array(list(found), np.int64)
    steps = align(context, numbers)
    state = numbers[np.argsort(-steps.scores, kind="stable")]  # of equal fit, as they were proposed
    rankings = [[candidate.trajectory for candidate in channel] for channel in (seen, meant, task) if channel]
    fused = reciprocal_rank_fusion([*rankings, state.tolist()])
    actions = context.snapshot.actions_at(steps.positions).tolist()
    told = context.snapshot.instruction_keys(numbers) == np.uint64(
        fingerprint(context.request.situation.instruction or "")
    )
    twins = set(numbers[steps.same & told].tolist())
    equal = {one.trajectory for one in seen if one.kind in ("exact", "normalized")}
    tiers = [twins, equal if len(equal) <= RARE else set()]
    order = _varied(fused, dict(zip(numbers.tolist(), actions, strict=True)), tiers, context)
    placed = {
        number: replace(found[number], position=position)
        for number, position in zip(numbers.tolist(), steps.positions.tolist(), strict=True)
    }
    firm = {candidate.trajectory for candidate in seen}
    loose = {candidate.trajectory for candidate in (*meant, *task)}
    return _within([placed[number] for number in order], firm, loose, limits)


def _varied(
    fused: dict[int, float], actions: dict[int, int], tiers: Sequence[Set[int]], context: Context
) -> list[int]:
    """Trajectories by fused score and consent, one of each next action before a second of the same.

    Before all others come the tiers: twins, who were told the same and stood here after the same
    actions, then the few who saw what hardly anybody saw.
    """
    votes: dict[int, float] = {}
    for number, score in fused.items():
        votes[actions[number]] = votes.get(actions[number], 0.0) + score
    total = sum(votes.values())
    rank = context.snapshot.trajectories.rank
    final = {number: fused[number] + CONSENT * votes[actions[number]] / total for number in fused}
    tier = {number: place for place, chosen in reversed([*enumerate(tiers)]) for number in chosen}
    order = sorted(
        fused, key=lambda number: (tier.get(number, len(tiers)), -round(final[number], 12), rank[number])
    )
    turn: dict[int, int] = {}
    turns = []
    for number in order:
        turn[actions[number]] = turn.get(actions[number], 0) + 1
        turns.append(turn[actions[number]])
    return [number for _, _, number in sorted(zip(turns, range(len(order)), order, strict=True))]


def _within(ranked: Iterable[Candidate], seen: set[int], meant: set[int], limits: Limits) -> list[Candidate]:
    """The first of a ranking that fit the limits; each counts for a channel that proposed it."""
    room = {OBSERVATION: limits.observation, MODEL: limits.model}
    kept: list[Candidate] = []
    for candidate in ranked:
        proposers = [OBSERVATION] * (candidate.trajectory in seen) + [MODEL] * (candidate.trajectory in meant)
        channel = next((name for name in proposers if room[name] > 0), None)
        if channel is not None and len(kept) < limits.total:
            room[channel] -= 1
            kept.append(replace(candidate, channel=channel))
    return kept
