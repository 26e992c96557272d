"""What the ranker knows of each candidate: one row of numbers for each, from one situation.

A candidate is a trajectory at its aligned position. Above all the numbers tell how many of the other
candidates, and of the moments like the present one in the whole collection, advise the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.analysis import NO_ACTION
from indexing.engine import Floats, Numbers
from retrievers.alignment import Aligned
from retrievers.context import Context
from retrievers.slots import INSTRUCTION, MARKS, plain

FEATURES = (
    "same", "like", "like_behind", "seen_by", "instruction_cosine", "instruction_words",
    "rank_equal", "rank_similar", "rank_instruction", "rank_words",
    "agree_1", "agree_2", "agree_3", "agree", "place", "place_share", "left", "length", "success",
    "frequency", "again", "done", "fit_behind", "best_fit",
    "task_behind", "votes_task", "votes_task_here",
    "votes", "votes_equal", "votes_similar", "votes_instruction", "votes_history", "votes_fit", "votes_sharp",
    "voters", "choices", "after_last", "after_two", "after_seen", "after_both", "after_like",
    "in_sight", "named", "here",
)  # fmt: skip
"""The columns of the matrix."""

MOST_LIKE = 4_000
"""Moments after the same two actions that are compared with the present one, at most."""

LINES = 200
UNKNOWN = -1.0


@dataclass(frozen=True, slots=True)
class Proposals:
    """Who proposed what: trajectories by channel, best first."""

    equal: Sequence[int]
    similar: Sequence[int]
    instruction: Sequence[int]
    words: Sequence[int]
    others: Sequence[int] = ()

    @property
    def trajectories(self) -> Numbers:
        """All that were proposed, once each, in order of their numbers."""
        every = {*self.equal, *self.similar, *self.instruction, *self.words, *self.others}
        return np.array(sorted(every), np.int64)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Moments that must not be counted, because they are of the task that is asked about."""

    positions: Numbers


def features(
    context: Context, proposals: Proposals, found: Aligned, left_out: LeftOut | None = None
) -> tuple[NDArray[np.float64], NDArray[np.uint64]]:
    """The matrix (candidates, FEATURES), and each candidate's advice; candidates in the order of `found`."""
    moments, snapshot = context.moments, context.snapshot
    positions, owners = found.positions, found.owners
    advice = moments.advice(positions)
    choices, choice = np.unique(advice, return_inverse=True)
    history = context.advice
    last = [*history[:3], 0, 0, 0]
    index = found.index.astype(np.float64)
    steps = snapshot.steps_of(owners).astype(np.float64)
    agree = found.agree
    instruction = context.instruction_similarity(owners)
    fit = instruction + found.scores

    def ranks(channel: Sequence[int]) -> Floats:
        place = {number: 1.0 / (1.0 + rank) for rank, number in enumerate(channel)}
        return np.array([place.get(number, 0.0) for number in owners.tolist()])

    def votes(weights: NDArray[Any]) -> Floats:
        each = np.bincount(choice, weights, len(choices)).astype(np.float64)
        return (each / max(float(weights.sum()), 1e-12))[choice]

    by_equal, by_similar = ranks(proposals.equal), ranks(proposals.similar)
    by_instruction, by_words = ranks(proposals.instruction), ranks(proposals.words)
    best = np.full(len(choices), -np.inf)
    np.maximum.at(best, choice, fit)
    top = float(fit.max())
    suffix: Floats = (agree[0] * (1 + agree[1] * (1 + agree[2]))).astype(np.float64)
    after = _after(context, choices, left_out)
    sight, named = _in_sight(context, choices)
    kin = np.exp(20 * (instruction - instruction.max()))
    columns = {
        "task_behind": instruction - instruction.max(),
        "votes_task": votes(kin),
        "votes_task_here": votes(kin * np.exp(3 * found.like) * (1 + suffix)),
        "same": found.equal,
        "like": found.like,
        "like_behind": found.like - found.like.max(),
        "seen_by": np.log1p(context.bearers),
        "instruction_cosine": instruction,
        "instruction_words": context.instruction_likeness(owners),
        "rank_equal": by_equal,
        "rank_similar": by_similar,
        "rank_instruction": by_instruction,
        "rank_words": by_words,
        "agree_1": agree[0],
        "agree_2": agree[1],
        "agree_3": agree[2],
        "agree": suffix,
        "place": np.abs(index - len(context.request.situation.history)),
        "place_share": index / steps,
        "left": steps - index,
        "length": steps,
        "success": snapshot.success_of(owners),
        "frequency": _frequency(context, choices, left_out)[choice],
        "again": advice == np.uint64(last[0]),
        "done": np.array([history.count(key) for key in choices.tolist()], np.float64)[choice],
        "fit_behind": fit - top,
        "best_fit": best[choice] - top,
        "votes": votes(np.ones(len(fit))),
        "votes_equal": votes(found.equal.astype(np.float64)),
        "votes_similar": votes((by_similar > 0) * found.like),
        "votes_instruction": votes((by_instruction > 0) * 1.0),
        "votes_history": votes(suffix * np.exp(3 * (found.like + instruction))),
        "votes_fit": votes(np.exp(3 * (fit - top))),
        "votes_sharp": votes(np.exp(8 * (fit - top))),
        "voters": np.bincount(choice)[choice],
        "choices": len(choices),
        "after_last": after[0][choice],
        "after_two": after[1][choice],
        "after_seen": after[2][choice],
        "after_both": after[3][choice],
        "after_like": _after_like(context, choices, left_out)[choice],
        "in_sight": sight[choice],
        "named": named[choice],
        "here": len(context.request.situation.history),
    }
    matrix = np.empty((len(positions), len(FEATURES)))
    for number, name in enumerate(FEATURES):
        matrix[:, number] = columns[name]
    return matrix, advice


def _frequency(context: Context, choices: NDArray[np.uint64], left_out: LeftOut | None) -> Floats:
    """The share of each choice in all that was ever done."""
    moments = context.moments
    found, size = moments.frequency(choices), moments.size
    if left_out is not None:
        mine = moments.advice(left_out.positions)
        found = found - np.array([(mine == choice).sum() for choice in choices])
        size -= int((mine != np.uint64(NO_ACTION)).sum())
    shares: Floats = found / max(size, 1)
    return shares


def _after(context: Context, choices: NDArray[np.uint64], left_out: LeftOut | None) -> list[Floats]:
    """For each kind of context, how often it was followed by each choice; UNKNOWN where it never occurred."""
    moments = context.moments
    found = []
    left = moments.contexts(left_out.positions) if left_out else []
    left_advice = moments.advice(left_out.positions) if left_out else np.empty(0, np.uint64)
    for kind, key in enumerate(context.moment):
        alone, joint = moments.counts(kind, key, choices)
        if left_out is not None:
            mine = left_advice[(left[kind] == np.uint64(key)) & (left_advice != np.uint64(NO_ACTION))]
            alone -= len(mine)
            joint = joint - np.array([(mine == choice).sum() for choice in choices])
        found.append(joint / alone if alone > 0 else np.full(len(choices), UNKNOWN))
    return found


def _after_like(context: Context, choices: NDArray[np.uint64], left_out: LeftOut | None) -> Floats:
    """The shares of the choices after the same two actions, by how like the observations were."""
    positions = context.after_same_actions(MOST_LIKE)
    if left_out is not None:
        positions = positions[~np.isin(positions, left_out.positions)]
    if not len(positions):
        return np.full(len(choices), UNKNOWN)
    advice = context.moments.advice(positions)
    weights = np.exp(4 * context.likeness(positions))
    place = np.searchsorted(choices, advice)
    place[place == len(choices)] = 0
    known = choices[place] == advice
    shares: Floats = np.bincount(place[known], weights[known], len(choices)) / weights.sum()
    return shares


def _in_sight(context: Context, choices: NDArray[np.uint64]) -> tuple[Floats, Floats]:
    """For each choice, how much of what its advice names stands in one line of the present observation.

    And whether a word of the instruction stands there too, where the advice takes one from it.
    """
    observation = context.request.situation.observation or ""
    words = {word for word in context.instruction_plain.split() if len(word) > 3 or word.isdigit()}
    lines = [set(plain(line).split()) for line in observation.split("\n")[:LINES]]
    bearing: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        for word in line:
            bearing[word].append(number)
    told = {number for word in words for number in bearing.get(word, ())}
    sight, named = np.full(len(choices), UNKNOWN), np.zeros(len(choices))
    for number, key in enumerate(choices.tolist()):
        parts = context.moments.text(key).split(" ")[1:]
        asks = INSTRUCTION in parts
        names = [part for part in parts if part not in MARKS and not part.endswith("=")]
        wanted = [word for name in names for word in plain(name).split()]
        if wanted:
            hits: dict[int, int] = defaultdict(int)
            for word in wanted:
                for line_number in bearing.get(word, ()):
                    hits[line_number] += 1
            best = max(hits.values(), default=0)
            sight[number] = best / len(wanted)
            named[number] = not asks or any(hits[line] == best for line in told if line in hits)
        else:
            named[number] = not asks or bool(told)
    return sight, named


def column(name: str) -> int:
    """The number of a feature's column."""
    return FEATURES.index(name)
