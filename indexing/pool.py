"""Segments searched together, with what is dead among their records marked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np

from indexing.derived import Derived
from indexing.engine import Floats, Hits, Mask, Numbers
from indexing.filters import Filter
from indexing.segment import Segment

S = TypeVar("S", bound=Segment)


def starts_of(sizes: Sequence[int]) -> Numbers:
    """Where each of several runs begins, and where the last one ends, shape (sizes + 1,)."""
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))]).astype(np.int64)


class Pool(Derived, Generic[S]):
    """Segments searched together; a record's number is its ordinal plus those of the segments before."""

    def __init__(self, segments: Sequence[S], dead: Sequence[frozenset[int]]) -> None:
        super().__init__()
        self.segments = tuple(segments)
        self.starts = starts_of([len(segment) for segment in segments])
        self._first: list[int] = self.starts.tolist()
        self.alive = np.ones(len(self), bool)
        for start, ordinals in zip(self.starts, dead, strict=False):
            if ordinals:
                self.alive[start + np.fromiter(ordinals, np.int64)] = False
        self.alive.setflags(write=False)

    def __len__(self) -> int:
        return self._first[-1]

    @property
    def count(self) -> int:
        """Records that may be returned."""
        return int(self.alive.sum())

    def locate(self, number: int) -> tuple[S, int]:
        """The segment and ordinal of a record's number."""
        place = self.place(number)
        return self.segments[place], number - self._first[place]

    def place(self, number: int) -> int:
        """The place in `segments` of the one with a record's number."""
        return bisect_right(self._first, number) - 1

    def id(self, number: int) -> str:
        """The id of a record's number."""
        segment, ordinal = self.locate(number)
        return segment.ids[ordinal]

    def number(self, id: str) -> int | None:
        """The number of the living record of that id."""
        for start, segment in zip(self.starts.tolist(), self.segments, strict=False):
            ordinal = segment.ordinal(id)
            if ordinal is not None and self.alive[start + ordinal]:
                return int(start + ordinal)
        return None

    def scope(self, conditions: Filter, exclude: Sequence[str]) -> Mask:
        """Which records may be returned: alive, meeting the filter, not excluded."""
        if not conditions and not exclude:
            return self.alive
        mask = self.alive.copy()
        if conditions:
            mask &= np.concatenate(
                [np.zeros(0, bool), *(s.attributes.select(conditions, len(s)) for s in self.segments)]
            )
        numbers = [number for id in exclude if (number := self.number(id)) is not None]
        mask[numbers] = False
        return mask

    @cached_property
    def rank(self) -> Numbers:
        """Each record's place in the order of ids."""
        if len(self.segments) == 1:
            return np.arange(len(self))
        ids = [id.encode() for segment in self.segments for id in segment.ids]
        rank = np.empty(len(ids), np.int64)
        rank[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
        return rank

    def best(self, numbers: Numbers, scores: Floats, k: int) -> Hits:
        """The k best by (score descending, id ascending)."""
        order = np.lexsort((self.rank[numbers], -scores))[:k]
        return Hits(numbers[order], scores[order])
