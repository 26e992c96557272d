from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.errors import InvalidInput
from synthesis.spans import BUCKETS, MIX, Bucket, Span, bucket, sample, spans

ACTIONS = st.integers(0, 30)
BUDGETS = st.integers(0, 500)
SEEDS = st.text(max_size=5)
SHARES = st.dictionaries(
    st.sampled_from(BUCKETS), st.floats(0, 1e6, exclude_min=True, allow_subnormal=False), min_size=1
)


def counted(found: list[Span]) -> Counter[Bucket]:
    return Counter(bucket(span.length) for span in found)


@given(ACTIONS)
def test_a_rollout_has_every_contiguous_span_and_no_other(n: int) -> None:
    found = list(spans(n))
    assert len(found) == len(set(found)) == n * (n + 1) // 2
    assert set(found) == {Span(i, j) for i in range(n + 1) for j in range(n + 1) if i < j}
    assert found == sorted(found)


def test_the_buckets_begin_where_the_paper_says() -> None:
    assert [bucket(length) for length in (1, 4, 5, 9, 10, 10_000)] == [
        "short", "short", "medium", "medium", "long", "long",
    ]  # fmt: skip


@given(ACTIONS, BUDGETS, SHARES, SEEDS)
def test_a_sample_is_as_large_as_its_budget_allows(
    n: int, budget: int, shares: dict[Bucket, float], seed: str
) -> None:
    there = [span for span in spans(n) if bucket(span.length) in shares]
    found = sample(n, budget, shares, seed)
    assert len(found) == min(budget, len(there))
    assert len(set(found)) == len(found)
    assert set(found) <= set(there)
    assert found == sorted(found) == sample(n, budget, shares, seed)


@given(ACTIONS, st.none() | st.integers(465, 10**9), SEEDS)
def test_everything_is_taken_that_fits(n: int, budget: int | None, seed: str) -> None:
    assert sample(n, budget, MIX, seed) == list(spans(n))


@given(ACTIONS, BUDGETS, BUDGETS, SHARES, SEEDS)
def test_a_larger_budget_keeps_what_a_smaller_one_drew(
    n: int, budget: int, more: int, shares: dict[Bucket, float], seed: str
) -> None:
    assert set(sample(n, budget, shares, seed)) <= set(sample(n, budget + more, shares, seed))


def test_buckets_get_their_shares_and_the_others_what_one_lacks() -> None:
    assert counted(sample(100, 20, MIX, "a")) == {"short": 10, "medium": 6, "long": 4}
    assert counted(sample(10, 20, MIX, "a")) == {"short": 12, "medium": 7, "long": 1}
    assert counted(sample(7, 20, {"long": 9, "medium": 1, "short": 1}, "a")) == {"short": 14, "medium": 6}


def test_a_bucket_without_a_share_gives_nothing() -> None:
    assert counted(sample(12, None, {"short": 1, "long": 0.0}, "a")) == {"short": 12 + 11 + 10 + 9}
    assert counted(sample(12, 60, {"medium": 1}, "a")) == {"medium": 8 + 7 + 6 + 5 + 4}


def test_seeds_differ() -> None:
    assert sample(40, 10, MIX, "one") != sample(40, 10, MIX, "another")


def test_every_span_of_a_bucket_is_as_likely() -> None:
    drawn = Counter(span for seed in range(3_000) for span in sample(6, 5, {"short": 1}, str(seed)))
    assert len(drawn) == 6 + 5 + 4 + 3
    expected = 3_000 * 5 / 18
    assert all(abs(times - expected) < 0.15 * expected for times in drawn.values())


def test_a_very_long_rollout_is_sampled_without_listing_its_spans() -> None:
    found = sample(10**12, 300, MIX, "a")
    assert counted(found) == {"short": 150, "medium": 90, "long": 60}
    assert all(0 <= span.start < span.end <= 10**12 for span in found)
    assert all(first < second for first, second in pairwise(found))


@pytest.mark.parametrize(
    ("budget", "shares", "said"),
    [
        (-1, MIX, "the budget of spans is negative; give 0 or more, or none"),
        (5, {}, "no bucket has a share of the spans; give at least one more than 0"),
        (5, {"short": 0.0}, "no bucket has a share of the spans; give at least one more than 0"),
        (5, {"short": -1.0}, "a share of spans must be a number, 0 or more"),
        (5, {"long": float("nan")}, "a share of spans must be a number, 0 or more"),
        (5, {"huge": 1.0}, "no such bucket: huge; there are short, medium, long"),
    ],
)
def test_what_has_no_meaning_is_refused(budget: int, shares: dict[Bucket, float], said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        sample(3, budget, shares, "a")
    assert str(refused.value) == said
