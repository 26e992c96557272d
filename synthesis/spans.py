"""Spans: which contiguous pieces of a rollout get an instruction of their own.

A rollout of n actions has n + 1 observations and n(n+1)/2 spans. That is quadratic, so a budget draws
some of them, by shares of short, medium and long ones, without ever listing them all. The paper
says that it did so, not how: this is our way.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, TypeAlias

from indexing.errors import InvalidInput

Bucket: TypeAlias = Literal["short", "medium", "long"]

BUCKETS: tuple[Bucket, ...] = ("short", "medium", "long")
STARTS: Mapping[Bucket, int] = {"short": 1, "medium": 5, "long": 10}
"""The fewest actions of each bucket (PAPER.md §1)."""

MIX: Mapping[Bucket, float] = {"short": 0.5, "medium": 0.3, "long": 0.2}
"""Shares to begin with: short spans help most and a mix helps best, says the paper, without numbers."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Observations start to end, both included, and the actions between: start to end - 1, from 0."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Actions in it."""
        return self.end - self.start


def spans(n: int) -> Iterator[Span]:
    """All n(n+1)/2 spans of a rollout of n actions, in order of their start, then their end.

    >>> [(span.start, span.end) for span in spans(2)]
    [(0, 1), (0, 2), (1, 2)]
    """
    return (Span(start, end) for start in range(n) for end in range(start + 1, n + 1))


def bucket(length: int) -> Bucket:
    """The bucket of a number of actions: short below 5, medium below 10, long from there on."""
    return "short" if length < STARTS["medium"] else "medium" if length < STARTS["long"] else "long"


def sample(n: int, budget: int | None, shares: Mapping[Bucket, float], seed: str) -> list[Span]:
    """Up to `budget` spans of a rollout of n actions in the order of `spans`; all of them for None.

    A bucket gets its share as seats are given in parliaments (Sainte-Laguë); what it doesn't have
    goes to the others. One without a share gets nothing, however large the budget. The same seed
    draws the same spans, and a larger budget draws those of a smaller one and more, so that what was
    already paid for is used again.

    Raises
    ------
    InvalidInput
        A negative budget or share, or no share at all.
    """
    weights = _weights(shares)
    if budget is not None and budget < 0:
        raise InvalidInput("the budget of spans is negative; give 0 or more, or none", "budget")
    rows = {one: _Row.of(one, n) for one in weights}
    if budget is None or budget >= sum(row.size for row in rows.values()):
        return [span for span in spans(n) if bucket(span.length) in weights]
    given = _seats(budget, weights, {one: row.size for one, row in rows.items()})
    drawn = (
        row.at(place)
        for one, row in rows.items()
        for place in _draw(row.size, given[one], f"{seed}/{n}/{one}")
    )
    return sorted(drawn)


def _weights(shares: Mapping[Bucket, float]) -> dict[Bucket, float]:
    if unknown := set(shares) - set(BUCKETS):
        raise InvalidInput(
            f"no such bucket: {', '.join(sorted(unknown))}; there are {', '.join(BUCKETS)}", "shares"
        )
    if not all(math.isfinite(share) and share >= 0 for share in shares.values()):
        raise InvalidInput("a share of spans must be a number, 0 or more", "shares")
    weights = {one: shares[one] for one in BUCKETS if shares.get(one, 0) > 0}
    if not weights:
        raise InvalidInput("no bucket has a share of the spans; give at least one more than 0", "shares")
    return weights


@dataclass(frozen=True, slots=True)
class _Row:
    """The spans of one bucket in a row, by length and then start, counted and never listed."""

    n: int
    shortest: int
    longest: int

    @classmethod
    def of(cls, one: Bucket, n: int) -> _Row:
        following = BUCKETS[BUCKETS.index(one) + 1 :]
        return cls(n, STARTS[one], min(n, STARTS[following[0]] - 1) if following else n)

    @property
    def size(self) -> int:
        return self.before(self.longest + 1) if self.longest >= self.shortest else 0

    def before(self, length: int) -> int:
        """Spans shorter than `length`: n - k + 1 of each length k."""
        lengths = length - self.shortest
        return lengths * (2 * self.n + 3 - self.shortest - length) // 2

    def at(self, place: int) -> Span:
        lengths = range(self.shortest, self.longest + 1)
        length = lengths[bisect_right(lengths, place, key=self.before) - 1]
        start = place - self.before(length)
        return Span(start, start + length)


def _seats(budget: int, weights: Mapping[Bucket, float], there: Mapping[Bucket, int]) -> dict[Bucket, int]:
    """How many each bucket gives: never fewer for a larger budget, at most what is there."""
    given = dict.fromkeys(weights, 0)
    for _ in range(budget):
        open_ = [one for one in weights if given[one] < there[one]]
        given[max(open_, key=lambda one: weights[one] / (2 * given[one] + 1))] += 1
    return given


def _draw(size: int, count: int, seed: str) -> Iterator[int]:
    """The first `count` places of a shuffle of `size` places, which is kept only where it differs."""
    moved: dict[int, int] = {}
    for turn in range(count):
        digest = blake2b(f"{seed}/{turn}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
        chosen = turn + int.from_bytes(digest) % (size - turn)
        yield moved.get(chosen, chosen)
        moved[chosen] = moved.pop(turn, turn)
