"""From the rows of a comparison to its summary, each collection as arrays of situations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import numpy as np

from evaluation.results import ACROSS, EQUALITIES, Equality, Row
from evaluation.statistics import (
    RESAMPLES,
    Bootstrap,
    Indices,
    Numbers,
    Sampled,
    average,
    hits,
    ranks,
    reciprocal,
)
from evaluation.summary import BASELINES, HEADLINE, Comparison, Family, Result, Scope, Summary
from indexing.errors import InvalidInput

BY_NUMBER = ("hit@1", "hit@5", "hit@10", "mrr")
BY_TOKENS = ("hit@1", "hit@5", "hit")
"""`hit` is 1 where the gold action stands anywhere in the prompt."""

BY_FAMILY = ("hit@1", "hit@5")

Key: TypeAlias = tuple[str, int | None]
"""A variant, and the budget it was held to."""

T = TypeVar("T")


def summarize(
    rows: Iterable[Row], seed: int = 0, baselines: Sequence[str] = BASELINES, resamples: int = RESAMPLES
) -> Summary:
    """The summary of rows, in whatever order they come.

    Raises
    ------
    InvalidInput
        There are no rows.
    """
    by_collection: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_collection[row.collection].append(row)
    if not by_collection:
        raise InvalidInput("no step was measured: nothing to sum up")
    measured, scopes = [], []
    for name, its in sorted(by_collection.items()):
        one = _measure(its, Bootstrap(name, seed, resamples))
        measured.append(one)
        scopes.append(_scope(name, [one], baselines, _families(name, its, seed, resamples)))
    return Summary(seed, resamples, tuple(baselines), _scope(ACROSS, measured, baselines), tuple(scopes))


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What one variant did: the situations it met, in order, and by situation its scores and its costs."""

    situations: Indices
    scores: Numbers
    shown: Numbers
    tokens: Numbers
    ms: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """The rows of one collection or family; the episode of each situation, and whether it is reachable."""

    bootstrap: Bootstrap
    episodes: Indices
    reachable: Numbers
    answers: dict[Key, _Answers] = field(default_factory=dict)

    def mean(self, key: Key) -> Sampled:
        found = self.answers[key]
        return self.bootstrap.mean(found.scores, self.episodes[found.situations])

    def pair(self, one: Key, other: Key) -> tuple[Sampled, Sampled] | None:
        """The means of two variants on the situations that both met."""
        if other not in self.answers:
            return None
        a, b = self.answers[one], self.answers[other]
        common, of_a, of_b = np.intersect1d(a.situations, b.situations, True, return_indices=True)
        if not len(common):
            return None
        episodes = self.episodes[common]
        return self.bootstrap.mean(a.scores[of_a], episodes), self.bootstrap.mean(b.scores[of_b], episodes)

    def reach(self) -> Sampled:
        return self.bootstrap.mean(self.reachable[:, np.newaxis], self.episodes)

    @property
    def episode_count(self) -> int:
        return len(np.unique(self.episodes))


def _measure(rows: list[Row], bootstrap: Bootstrap) -> _Measured:
    situations = sorted({(row.episode, row.step) for row in rows})
    number = {situation: index for index, situation in enumerate(situations)}
    episodes = np.unique([episode for episode, _ in situations], return_inverse=True)[1]
    reachable = np.zeros(len(situations))
    by_key: defaultdict[Key, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        index = number[row.episode, row.step]
        reachable[index] = row.reachable
        by_key[row.variant, row.budget][index] = row
    answers = {key: _answers(sorted(found.items()), key[1]) for key, found in by_key.items()}
    return _Measured(bootstrap, episodes, reachable, answers)


def _answers(found: list[tuple[int, Row]], budget: int | None) -> _Answers:
    rows = [row for _, row in found]
    columns = []
    for equality in EQUALITIES:
        its = ranks(getattr(row, equality) for row in rows)
        columns += [_score(its, measure) for measure in _measures(budget)]
    costs = np.array([(row.shown, row.tokens, row.ms) for row in rows], dtype=np.float64)
    situations = np.array([index for index, _ in found], dtype=np.intp)
    return _Answers(situations, np.column_stack(columns), *costs.T)


def _measures(budget: int | None) -> tuple[str, ...]:
    return BY_NUMBER if budget is None else BY_TOKENS


def _score(found: Numbers, measure: str) -> Numbers:
    if measure == "mrr":
        return reciprocal(found)
    _, _, depth = measure.partition("@")
    return hits(found, int(depth)) if depth else hits(found)


def _by_equality(columns: Iterable[T], budget: int | None) -> dict[Equality, dict[str, T]]:
    """Columns in the order of `_answers`, named."""
    numbers = iter(columns)
    return {equality: {measure: next(numbers) for measure in _measures(budget)} for equality in EQUALITIES}


def _scope(
    name: str, measured: list[_Measured], baselines: Sequence[str], families: tuple[Family, ...] = ()
) -> Scope:
    keys = sorted({key for one in measured for key in one.answers}, key=lambda key: (key[0], key[1] or 0))
    return Scope(
        name=name,
        episodes=sum(one.episode_count for one in measured),
        situations=sum(len(one.episodes) for one in measured),
        reachable=average([one.reach() for one in measured]).estimates()[0],
        results=tuple(_result(key, measured, baselines) for key in keys),
        families=families,
    )


def _result(key: Key, measured: list[_Measured], baselines: Sequence[str]) -> Result:
    variant, budget = key
    theirs = [one for one in measured if key in one.answers]
    answers = [one.answers[key] for one in theirs]
    against = {}
    for baseline in baselines:
        pairs = [one.pair(key, (baseline, budget)) for one in theirs]
        met = [pair for pair in pairs if pair is not None]
        if baseline != variant and met:
            ours, other = (average(side) for side in zip(*met, strict=True))
            compared = map(Comparison, (ours - other).estimates(), ours.ratios(other))
            against[baseline] = _by_equality(compared, budget)
    return Result(
        variant=variant,
        budget=budget,
        collections=len(theirs),
        situations=sum(len(one.situations) for one in answers),
        shown=float(np.mean([one.shown.mean() for one in answers])),
        tokens=float(np.mean([one.tokens.mean() for one in answers])),
        ms_median=float(np.mean([np.median(one.ms) for one in answers])),
        ms_p95=float(np.mean([np.quantile(one.ms, 0.95) for one in answers])),
        scores=_by_equality(average([one.mean(key) for one in theirs]).estimates(), budget),
        against=against,
    )


def _families(name: str, rows: list[Row], seed: int, resamples: int) -> tuple[Family, ...]:
    by_family: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.budget is None:
            by_family[row.family].append(row)
    if len(by_family) < 2:
        return ()
    return tuple(
        _family(family, _measure(its, Bootstrap(f"{name}/{family}", seed, resamples)))
        for family, its in sorted(by_family.items())
    )


def _family(name: str, measured: _Measured) -> Family:
    found = {
        variant: _by_equality(measured.mean((variant, budget)).estimates(), budget)[HEADLINE]
        for variant, budget in sorted(measured.answers)
    }
    return Family(
        name=name,
        episodes=measured.episode_count,
        situations=len(measured.episodes),
        reachable=measured.reach().estimates()[0],
        hits={
            variant: {measure: scores[measure] for measure in BY_FAMILY} for variant, scores in found.items()
        },
    )
