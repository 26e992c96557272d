"""Hit rates, reciprocal ranks and their intervals, against the obvious computations."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.statistics import Bootstrap, Estimate, Numbers, Sampled, average, hits, ranks, reciprocal

Asked: TypeAlias = tuple[int, int | None, int | None]
"""The episode of a situation, and the ranks that two variants gave the gold action there."""

RANK = st.none() | st.integers(1, 12)
SITUATIONS = st.lists(st.tuples(st.integers(0, 5), RANK, RANK), min_size=1, max_size=40)
FEW = 200
"""Resamples in tests of properties that hold for any number."""


def scored(found: list[int | None]) -> Numbers:
    one = ranks(found)
    return np.column_stack([hits(one, 1), hits(one, 5), hits(one), reciprocal(one)])


def sampled(situations: Sequence[Asked], seed: int = 0) -> tuple[Sampled, Sampled]:
    episodes = np.array([episode for episode, _, _ in situations])
    bootstrap = Bootstrap("forms", seed, FEW)
    ours, theirs = scored([one for _, one, _ in situations]), scored([two for _, _, two in situations])
    return bootstrap.mean(ours, episodes), bootstrap.mean(theirs, episodes)


@given(st.lists(RANK, min_size=1), st.integers(1, 10))
def test_hits_and_reciprocal_ranks_are_what_their_names_say(found: list[int | None], k: int) -> None:
    one = ranks(found)
    assert hits(one, k).tolist() == [float(rank is not None and rank <= k) for rank in found]
    assert hits(one).tolist() == [float(rank is not None) for rank in found]
    assert reciprocal(one).tolist() == [0.0 if rank is None else 1 / rank for rank in found]


@given(st.lists(RANK, min_size=1))
def test_more_demonstrations_never_hit_less(found: list[int | None]) -> None:
    one = ranks(found)
    assert hits(one, 1).sum() <= reciprocal(one).sum() + 1e-9
    assert hits(one, 1).sum() <= hits(one, 5).sum() <= hits(one, 10).sum() <= hits(one).sum()


@given(SITUATIONS)
def test_an_interval_holds_the_mean_over_situations(
    situations: Sequence[Asked],
) -> None:
    ours, _ = sampled(situations)
    means = scored([one for _, one, _ in situations]).mean(axis=0)
    assert ours.value == pytest.approx(means)
    for estimate in ours.estimates():
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1 + 1e-12


@given(SITUATIONS)
def test_a_variant_does_not_differ_from_itself(situations: Sequence[Asked]) -> None:
    ours, _ = sampled(situations)
    assert (ours - ours).estimates() == [Estimate(0.0, 0.0, 0.0)] * 4
    for ratio in ours.ratios(ours):
        assert ratio in (None, Estimate(1.0, 1.0, 1.0))


@given(SITUATIONS)
def test_a_difference_turned_round_is_its_negative(
    situations: Sequence[Asked],
) -> None:
    ours, theirs = sampled(situations)
    for one, other in zip((ours - theirs).estimates(), (theirs - ours).estimates(), strict=True):
        assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))


@settings(max_examples=25)
@given(SITUATIONS, st.randoms(use_true_random=False))
def test_the_order_of_situations_does_not_matter(
    situations: Sequence[Asked],
    random: Random,
) -> None:
    before, _ = sampled(situations)
    shuffled = list(situations)
    random.shuffle(shuffled)
    after, _ = sampled(shuffled)
    assert before.draws == pytest.approx(after.draws)


def test_the_resamples_are_those_of_whole_episodes() -> None:
    values, episodes = np.array([[1.0], [1.0], [0.0], [1.0]]), np.array([0, 0, 0, 1])
    draws = Bootstrap("forms", 0, FEW).mean(values, episodes).draws
    possible = {2 / 3, 3 / 4, 1.0}
    assert {round(float(draw), 9) for draw in draws[:, 0]} == {round(mean, 9) for mean in possible}


def test_the_vectorised_resamples_are_those_of_a_loop() -> None:
    random = np.random.default_rng(7)
    values, episodes = random.random((50, 2)), random.integers(0, 8, 50)
    fast = Bootstrap("forms", 3, 4_000).mean(values, episodes)
    slow = []
    for _ in range(4_000):
        drawn = [np.flatnonzero(episodes == episode) for episode in random.integers(0, 8, 8)]
        slow.append(values[np.concatenate(drawn)].mean(axis=0))
    for estimate, column in zip(fast.estimates(), np.array(slow).T, strict=True):
        low, high = np.quantile(column, (0.025, 0.975))
        assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.02)


def test_the_same_seed_gives_the_same_numbers_and_another_others() -> None:
    situations = [(number % 7, 1 + number % 3, None) for number in range(40)]
    first, again, other = (sampled(situations, seed)[0].draws for seed in (5, 5, 6))
    assert (first == again).all()
    assert (first != other).any()


def test_collections_are_resampled_apart_and_weigh_the_same() -> None:
    many, few = np.arange(100.0)[:, np.newaxis], np.array([[0.0], [1.0]])
    one = Bootstrap("many").mean(many, np.arange(100))
    two = Bootstrap("few").mean(few, np.arange(2))
    mean = average([one, two])
    assert mean.value == pytest.approx([(49.5 + 0.5) / 2])
    assert mean.draws.shape == (2_000, 1)
    assert average([one]).estimates() == one.estimates()


def test_a_ratio_needs_something_to_divide_by() -> None:
    ours, theirs = sampled([(0, 1, None), (1, 1, 2), (2, 1, None), (3, 1, None)])
    assert ours.ratios(theirs) == [None] * 4
    (first, *_) = theirs.ratios(ours)
    assert first == Estimate(0.0, 0.0, 0.0)


def test_an_interval_says_whether_zero_is_in_it() -> None:
    assert Estimate(0.2, 0.1, 0.3).is_positive
    assert Estimate(-0.2, -0.3, -0.1).is_negative
    assert not Estimate(0.1, -0.1, 0.3).is_positive
    assert not Estimate(0.1, 0.0, 0.3).is_negative
