"""What the ranker knows of each piece of advice: one row of numbers for each, from one situation.

A candidate is a trajectory at its aligned position, and advises what was done there. Above all the
numbers tell how many candidates advise the same, how well these fit, and what was done at the moments
like the present one in the whole collection, and what a policy cloned from it expects.
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

OF_CANDIDATES = (
    "same", "like", "like_behind", "instruction_cosine", "instruction_words", "task_behind",
    "rank_equal", "rank_similar", "rank_instruction", "rank_words",
    "agree_1", "agree_2", "agree_3", "agree", "place", "place_share", "left", "length", "success",
    "fit_behind",
)  # fmt: skip
"""What is known of each candidate; of those who advise the same there are the most and the mean."""

OF_ADVICE = (
    "frequency", "again", "done", "voters",
    "votes", "votes_equal", "votes_similar", "votes_instruction", "votes_history", "votes_fit", "votes_sharp",
    "votes_task", "votes_task_here",
    "after_last", "after_two", "after_seen", "after_both", "after_focus", "after_focus_last", "after_like",
    "in_sight", "named",
    "expected", "expected_log", "expected_rank", "expected_behind",
)  # fmt: skip
"""What is known of a piece of advice."""

OF_ALL = "seen_by", "choices", "here"
"""What is known of the moment itself."""

MOST, MEAN = "_most", "_mean"
FEATURES = (
    *(name + MOST for name in OF_CANDIDATES), *(name + MEAN for name in OF_CANDIDATES), *OF_ADVICE, *OF_ALL
)  # fmt: skip
"""The columns of the matrix."""

MOST_LIKE = 4_000
"""Moments after the same two actions that are compared with the present one, at most."""

FIT, FIT_UNSEEN = 3, 8
"""How much a better fit counts among votes; without an observation fits lie closer together."""

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


@dataclass(frozen=True, slots=True)
class Advised:
    """What the candidates advise, each piece once.

    `matrix` is (advice, FEATURES); `choice` is each candidate's place in `advice`.
    """

    matrix: NDArray[np.float64]
    advice: NDArray[np.uint64]
    choice: Numbers


def features(
    context: Context, proposals: Proposals, found: Aligned, left_out: LeftOut | None = None
) -> Advised:
    """What is known of each piece of advice that the candidates give.

    `found` begins with the best step of each proposed trajectory, in their order; these alone vote.
    """
    moments, snapshot = context.moments, context.snapshot
    positions, owners = found.positions, found.owners
    advice, choice = np.unique(moments.advice(positions), return_inverse=True)
    givers = np.bincount(choice, minlength=len(advice)).astype(np.float64)
    voting = np.arange(len(positions)) < len(proposals.trajectories)
    index = found.index.astype(np.float64)
    steps = snapshot.steps_of(owners).astype(np.float64)
    agree = found.agree
    instruction = context.instruction_similarity(owners)
    fit = instruction + found.scores
    behind = fit - fit.max()
    here = len(context.request.situation.history)

    def ranks(channel: Sequence[int]) -> Floats:
        place = {number: 1.0 / (1.0 + rank) for rank, number in enumerate(channel)}
        return np.array([place.get(number, 0.0) for number in owners.tolist()])

    def votes(weights: NDArray[Any]) -> Floats:
        cast = weights * voting
        each = np.bincount(choice, cast, len(advice)).astype(np.float64)
        return each / max(float(cast.sum()), 1e-12)

    by_similar, by_instruction = ranks(proposals.similar), ranks(proposals.instruction)
    suffix: Floats = (agree[0] * (1 + agree[1] * (1 + agree[2]))).astype(np.float64)
    kin = np.exp(20 * (instruction - instruction.max()))
    candidates = {
        "same": found.equal,
        "like": found.like,
        "like_behind": found.like - found.like.max(),
        "instruction_cosine": instruction,
        "instruction_words": context.instruction_likeness(owners),
        "task_behind": instruction - instruction.max(),
        "rank_equal": ranks(proposals.equal),
        "rank_similar": by_similar,
        "rank_instruction": by_instruction,
        "rank_words": ranks(proposals.words),
        "agree_1": agree[0],
        "agree_2": agree[1],
        "agree_3": agree[2],
        "agree": suffix,
        "place": np.abs(index - here),
        "place_share": index / steps,
        "left": steps - index,
        "length": steps,
        "success": snapshot.success_of(owners),
        "fit_behind": behind,
    }
    history = context.advice
    after = _after(context, advice, left_out)
    sight, named = _in_sight(context, advice)
    chance, place = context.expected.of(advice)
    pieces = {
        "frequency": _frequency(context, advice, left_out),
        "again": advice == np.uint64([*history, 0][0]),
        "done": np.array([history.count(key) for key in advice.tolist()]),
        "voters": np.bincount(choice, voting, len(advice)),
        "votes": votes(np.ones(len(fit))),
        "votes_equal": votes(found.equal.astype(np.float64)),
        "votes_similar": votes((by_similar > 0) * found.like),
        "votes_instruction": votes((by_instruction > 0) * 1.0),
        "votes_history": votes(suffix * np.exp(3 * (found.like + instruction))),
        "votes_fit": votes(np.exp((FIT if context.observed else FIT_UNSEEN) * behind)),
        "votes_sharp": votes(np.exp(8 * behind)),
        "votes_task": votes(kin),
        "votes_task_here": votes(kin * np.exp(3 * found.like) * (1 + suffix)),
        "after_last": after[0],
        "after_two": after[1],
        "after_seen": after[2],
        "after_both": after[3],
        "after_focus": after[4],
        "after_focus_last": after[5],
        "after_like": _after_like(context, advice, left_out),
        "in_sight": sight,
        "named": named,
        "expected": chance,
        "expected_log": np.log(chance + 1e-6),
        "expected_rank": place,
        "expected_behind": chance - chance.max(),
    }
    of_all = {"seen_by": np.log1p(context.bearers), "choices": len(advice), "here": here}
    columns: dict[str, Any] = pieces | of_all
    for name, numbers in candidates.items():
        columns[name + MOST] = _most(choice, numbers, len(advice))
        columns[name + MEAN] = np.bincount(choice, numbers, len(advice)) / givers
    matrix = np.empty((len(advice), len(FEATURES)))
    for number, name in enumerate(FEATURES):
        matrix[:, number] = columns[name]
    return Advised(matrix, advice, choice)


def _most(choice: Numbers, numbers: NDArray[Any], size: int) -> Floats:
    most = np.full(size, -np.inf)
    np.maximum.at(most, choice, numbers)
    return most


def _frequency(context: Context, advice: NDArray[np.uint64], left_out: LeftOut | None) -> Floats:
    """The share of each piece of advice in all that was ever done."""
    moments = context.moments
    found, size = moments.frequency(advice), moments.size
    if left_out is not None:
        mine = moments.advice(left_out.positions)
        found = found - np.array([(mine == key).sum() for key in advice])
        size -= int((mine != np.uint64(NO_ACTION)).sum())
    shares: Floats = found / max(size, 1)
    return shares


def _after(context: Context, advice: NDArray[np.uint64], left_out: LeftOut | None) -> list[Floats]:
    """For each kind of context, how often each advice followed it; UNKNOWN where it never occurred."""
    moments = context.moments
    found = []
    left = moments.contexts(left_out.positions) if left_out else []
    left_advice = moments.advice(left_out.positions) if left_out else np.empty(0, np.uint64)
    for kind, key in enumerate(context.moment):
        alone, joint = moments.counts(kind, key, advice)
        if left_out is not None:
            mine = left_advice[(left[kind] == np.uint64(key)) & (left_advice != np.uint64(NO_ACTION))]
            alone -= len(mine)
            joint = joint - np.array([(mine == key).sum() for key in advice])
        found.append(joint / alone if alone > 0 else np.full(len(advice), UNKNOWN))
    return found


def _after_like(context: Context, advice: NDArray[np.uint64], left_out: LeftOut | None) -> Floats:
    """The share of each piece of advice after the same two actions, by how like the observations were."""
    positions = context.after_same_actions(MOST_LIKE)
    if left_out is not None:
        positions = positions[~np.isin(positions, left_out.positions)]
    if not len(positions):
        return np.full(len(advice), UNKNOWN)
    given = context.moments.advice(positions)
    weights = np.exp(4 * context.likeness(positions))
    place = np.searchsorted(advice, given)
    place[place == len(advice)] = 0
    known = advice[place] == given
    shares: Floats = np.bincount(place[known], weights[known], len(advice)) / weights.sum()
    return shares


def _in_sight(context: Context, advice: NDArray[np.uint64]) -> tuple[Floats, Floats]:
    """For each piece of advice, how much of what it names stands in one line of the present observation.

    And whether a word of the instruction stands there too, where the advice takes one from it.
    """
    observation = context.request.situation.observation or ""
    lines = [set(plain(line).split()) for line in observation.split("\n")[:LINES]]
    bearing: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        for word in line:
            bearing[word].append(number)
    told = {number for word in context.task_words for number in bearing.get(word, ())}
    sight, named = np.full(len(advice), UNKNOWN), np.zeros(len(advice))
    for number, key in enumerate(advice.tolist()):
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
