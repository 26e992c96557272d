"""Clones a policy from a collection's own trajectories, a third of the tasks left out at a time.

What is served is the mean of three policies, none of which saw a third of the tasks; a ranker that is
fitted on moments of these tasks is told what the one expects that never saw them. Softmax regression,
fitted by Adagrad (Duchi, Hazan and Singer, 2011) on batches; the same records give the same bytes.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from indexing.engine import Numbers
from indexing.snapshot import Snapshot
from retrievers.focus import task_words
from retrievers.moments import moments_of
from retrievers.policy import Keys, Policy, Vocabulary, Weights
from retrievers.policy_inputs import inputs, unnamed
from retrievers.slots import plain

FOLDS = 3
MOMENTS, ADVICE, NAMES = 10_000, 2_000, 20_000
"""Moments that are learned from, pieces of advice and names that are known, at most."""

WORDS, PAIRS, COMMON, COMMON_TIMES = 150, 150, 100, 3
"""Words, pairs of words and common pieces of advice that an advice is made of, at most."""

ITSELF = 0.5
"""What it weighs that an advice is this one; its words weigh 1 together, its pairs too."""

BEGINNING, END, LONGEST = "^", "$", 24
"""What stands around an advice's words, and how many of all these are read."""

EPOCHS, BATCH, RATE, FIRST = 8, 256, 0.05, 1e-8


@dataclass(frozen=True)
class Cloned:
    """Policies that each left a fold of the tasks out; `fold` tells each trajectory's."""

    fold: Numbers
    policies: tuple[Policy, ...]

    def without(self, trajectory: int) -> Policy:
        """The policy that saw nothing of the trajectory's task."""
        return self.policies[int(self.fold[trajectory])]

    @property
    def mean(self) -> Policy:
        """All of them as one: what is served."""
        first, count = self.policies[0], len(self.policies)
        weights = np.sum([one.weights for one in self.policies], axis=0) / np.float32(count)
        bias = np.sum([one.bias for one in self.policies], axis=0) / np.float32(count)
        return Policy(first.vocabulary, first.advice, first.made_of, weights, bias)


def drawn_key(id: str, at: int | str) -> bytes:
    """What moments are sorted by to be drawn: an order without order that hangs on nothing but ids."""
    return blake2b(f"{at} {id}".encode(), digest_size=8).digest()


def clone(snapshot: Snapshot, kin: Numbers, progress: Callable[[], None]) -> Cloned | None:
    """A policy for each fold of a generation's tasks; None where there is nothing to learn from.

    That is where nothing was done twice, or there are fewer groups of kin than folds. `kin` numbers each
    trajectory's group: those of one task or one rollout have the same. `progress` may raise to cancel.
    """
    segment, moments = snapshot.trajectories.segments[0], moments_of(snapshot)
    every = [(n, at) for n in range(len(segment)) for at in range(int(segment.steps[n]))]
    chosen = sorted(every, key=lambda place: drawn_key(segment.ids[place[0]], place[1]))[:MOMENTS]
    fold = _folds(kin, [trajectory for trajectory, _ in chosen])
    if fold is None:
        return None
    rows = _inputs(snapshot, chosen, progress)
    starts = segment.position_start[[trajectory for trajectory, _ in chosen]]
    given = moments.advice(starts + np.array([at for _, at in chosen], np.int64))
    vocabulary = _vocabulary(rows)
    advice, made_of = _composed(given, moments.text)
    if not len(advice):
        return None
    places = np.searchsorted(advice, given)
    places[places == len(advice)] = 0
    mine = fold[[trajectory for trajectory, _ in chosen]]
    known = advice[places] == given
    table = _table(vocabulary, rows)
    policies = []
    for left_out in range(FOLDS):
        kept = np.flatnonzero(known & (mine != left_out))
        weights, bias = _fitted(table[kept], places[kept], made_of, progress)
        policies.append(Policy(vocabulary, advice, made_of, weights, bias))
    return Cloned(fold, tuple(policies))


def _folds(kin: Numbers, owners: Sequence[int]) -> Numbers | None:
    """The fold of each trajectory: groups in the order of their size, each to the fold that has least."""
    sizes = Counter(kin[owners].tolist())
    if len(sizes) < FOLDS:
        return None
    held, fold = [0] * FOLDS, dict[int, int]()
    for group, size in sizes.most_common():
        fold[group] = held.index(min(held))
        held[fold[group]] += size
    return np.array([fold.get(group, 0) for group in kin.tolist()], np.int64)


def _inputs(
    snapshot: Snapshot, chosen: Sequence[tuple[int, int]], progress: Callable[[], None]
) -> list[Keys]:
    """The names of each moment."""
    segment, moments = snapshot.trajectories.segments[0], moments_of(snapshot)
    steps: dict[int, list[tuple[int, int]]] = {}
    for number, (trajectory, at) in enumerate(chosen):
        steps.setdefault(trajectory, []).append((number, at))
    found: list[Keys] = [np.empty(0, np.uint64)] * len(chosen)
    for trajectory, wanted in steps.items():
        progress()
        record = snapshot.trajectory(trajectory)
        first = int(segment.position_start[trajectory])
        given = moments.advice(np.arange(first, first + len(record.steps))).tolist()
        told = plain(record.instruction)
        words = task_words(told)
        left = unnamed(words, (step.action for step in record.steps))
        for number, at in wanted:
            action = record.steps[at - 1].action if at else ""
            seen, before = record.steps[at].observation, given[:at][::-1]
            found[number] = inputs(told, words, seen, before, at, action, left[at])
    return found


def _vocabulary(rows: Sequence[Keys]) -> Vocabulary:
    """The commonest names of at least two moments."""
    names, times = np.unique(np.concatenate(rows), return_counts=True)
    names, times = names[times > 1], times[times > 1]
    kept = np.sort(np.argsort(-times, kind="stable")[:NAMES])
    return Vocabulary(names[kept], np.log1p(len(rows) / times[kept]).astype(np.float32))


def _table(vocabulary: Vocabulary, rows: Sequence[Keys]) -> Any:
    """The moments as a sparse table (moments, names)."""
    from scipy.sparse import csr_array

    cells = [vocabulary.row(row) for row in rows]
    ends = np.cumsum([0, *(len(places) for places, _ in cells)])
    data = np.concatenate([weights for _, weights in cells])
    shape = (len(rows), max(len(vocabulary.names), 1))
    return csr_array((data, np.concatenate([places for places, _ in cells]), ends), shape)


def _composed(given: Keys, text: Callable[[int], str]) -> tuple[Keys, Any]:
    """The commonest pieces of advice, ascending, and what each is made of (advice, parts)."""
    from scipy.sparse import csr_array

    advice, times = np.unique(given, return_counts=True)
    kept = np.sort(np.argsort(-times, kind="stable")[:ADVICE])
    advice, times = advice[kept], times[kept]
    pieces = [_pieces(text(key)) for key in advice.tolist()]
    words = _numbered([one for one, _ in pieces], WORDS, 0)
    pairs = _numbered([two for _, two in pieces], PAIRS, len(words))
    common = np.argsort(-times, kind="stable")[:COMMON]
    common = common[times[common] >= COMMON_TIMES]
    itself = {int(row): len(words) + len(pairs) + number for number, row in enumerate(common)}
    rows, columns, data = list[int](), list[int](), list[float]()
    for row, (one, two) in enumerate(pieces):
        alone = [itself[row]] if row in itself else []
        for known, worth in (
            ([words[x] for x in one if x in words], 1.0),
            ([pairs[x] for x in two if x in pairs], 1.0),
            (alone, ITSELF),
        ):
            rows += [row] * len(known)
            columns += known
            data += [worth / len(known) ** 0.5 for _ in known]
    shape = (len(advice), max(len(words) + len(pairs) + len(itself), 1))
    made_of = csr_array((np.array(data, np.float32), (rows, columns)), shape)
    told = np.flatnonzero(np.diff(made_of.indptr))
    return advice[told], made_of[told]


def _pieces(text: str) -> tuple[list[str], list[str]]:
    """The distinct words of an advice, and its pairs of neighbours, ends included."""
    words = [BEGINNING, *text.split(" "), END][:LONGEST]
    pairs = [f"{one} {two}" for one, two in itertools.pairwise(words)]
    return sorted(set(words[1:-1])), sorted(set(pairs))


def _numbered(each: Sequence[Sequence[str]], most: int, first: int) -> dict[str, int]:
    """Numbers for the commonest of what stands in at least two."""
    times = Counter(one for found in each for one in found)
    common = sorted((one for one, count in times.items() if count > 1), key=lambda one: (-times[one], one))
    return {one: first + number for number, one in enumerate(common[:most])}


def _fitted(
    table: Any, right: Numbers, made_of: Any, progress: Callable[[], None]
) -> tuple[Weights, Weights]:
    """Weights (names, parts) and bias that make each moment's right advice likely."""
    from scipy.sparse import csr_array

    shape = table.shape[1], made_of.shape[1]
    weights, bias = np.zeros(shape, np.float32), np.zeros(shape[1], np.float32)
    squares, bias_squares = np.full(shape, FIRST, np.float32), np.full(shape[1], FIRST, np.float32)
    parts = made_of.T.tocsr()
    order = np.random.default_rng(0)
    for _ in range(EPOCHS):
        shuffled = order.permutation(table.shape[0])
        for start in range(0, len(shuffled), BATCH):
            progress()
            batch = shuffled[start : start + BATCH]
            moments = table[batch]
            names, local = np.unique(moments.indices, return_inverse=True)
            moments = csr_array((moments.data, local, moments.indptr), (len(batch), max(len(names), 1)))
            known = weights[names] if len(names) else np.zeros((1, shape[1]), np.float32)
            scores = (made_of @ (moments @ known + bias).T).T
            chance = np.exp(scores - scores.max(axis=1, keepdims=True))
            chance /= chance.sum(axis=1, keepdims=True)
            chance[np.arange(len(batch)), right[batch]] -= 1
            error = (parts @ chance.T).T / np.float32(len(batch))
            bias_error = error.sum(axis=0)
            bias_squares += bias_error * bias_error
            bias -= RATE * bias_error / np.sqrt(bias_squares)
            if len(names):
                slope = moments.T.tocsr() @ np.ascontiguousarray(error)
                squares[names] += slope * slope
                weights[names] -= RATE * slope / np.sqrt(squares[names])
    return weights, bias
