"""What actions name: the words that their advice leaves open, as `mug` and `1` of `take <i> <c>`.

Who did the same with things that are here as well can be followed to the letter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from indexing.engine import Floats, Numbers
from retrievers.slots import LONGEST, plain

MOST = 8
"""Words of an action that are known."""


def named(action: str, advice: str) -> list[str]:
    """The words of an action that its advice, given as text, leaves open.

    >>> named("take mug 1 from desk 2", "take <i> <c> from desk <c>")
    ['mug', '1', '2']
    """
    kept = set(plain(advice).split())
    return [word for word in dict.fromkeys(plain(action[:LONGEST]).split()) if word not in kept][:MOST]


def hashed(words: Iterable[str]) -> NDArray[np.uint32]:
    """Words as numbers."""
    return np.array([crc32(word.encode("utf-8", "surrogatepass")) for word in words], np.uint32)


@dataclass(frozen=True)
class Named:
    """What each position of a segment names: hashed words one after the other, and how many each has."""

    words: NDArray[np.uint32]
    counts: NDArray[np.uint8]

    @cached_property
    def _end(self) -> Numbers:
        return np.cumsum(self.counts, dtype=np.int64)

    def in_sight(self, positions: Numbers, sight: NDArray[np.uint32]) -> Floats:
        """The share of what each position names that is among these words; 1 where it names nothing."""
        counts = self.counts[positions].astype(np.int64)
        run = np.repeat(np.arange(len(positions)), counts)
        back = np.cumsum(counts)[run] - np.arange(len(run))
        seen = np.isin(self.words[self._end[positions][run] - back], sight)
        shares = np.bincount(run, seen, len(positions)) / np.maximum(counts, 1)
        return np.where(counts > 0, shares, 1.0)
