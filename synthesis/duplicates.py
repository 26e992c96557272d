"""Near-duplicates among texts: the same words in nearly the same order.

Two texts are compared by Jaccard's coefficient of their word shingles. Which earlier texts are worth
comparing is told by MinHash signatures in bands (Broder 1997; Leskovec et al., Mining of Massive
Datasets, ch. 3), so that a hundred thousand texts take seconds, not a day; each that is found is then
compared exactly. All hashes come from BLAKE2b: the same texts give the same answers everywhere.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InvalidInput
from indexing.records import Trajectory
from indexing.unicode import composed

Hashes: TypeAlias = NDArray[np.uint64]

THRESHOLD = 0.8
SHINGLE = 3
"""Words in a row that are one shingle."""

SIGNATURE = 64
MISSED = 1e-3
"""Bands are chosen so that at most this share of pairs just at the threshold is overlooked."""

_FACTS = np.dtype([("among", np.uint64), ("size", np.int64), ("signature", np.uint32, SIGNATURE)])
_ROOM, _CHUNK = 1_024, 4_096
# Scripts without spaces: every character is a word.
_SINGLE = (
    r"\u0e01-\u0ece\u1000-\u109f\u1780-\u17d3\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_SINGLE}]|[^\W{_SINGLE}]+|[^\w\s.,;:!?'\"]")


def words(text: str) -> list[str]:
    """The words of a text without regard to case, and its signs save those of sentences and quotes.

    >>> words("Select price > 5, then 'Save'.")
    ['select', 'price', '>', '5', 'then', 'save']
    """
    return _WORD.findall(composed(text, "NFKC").casefold())


def shingles(text: str, size: int = SHINGLE) -> Hashes:
    """The hashes of each `size` words in a row, distinct and sorted; of all of them, where they are fewer."""
    found = [_word_hash(word) for word in words(text)]
    row = np.array(found + [0] * (size - len(found)), np.uint64)
    starts = len(row) - size + 1
    mixed = np.zeros(starts, np.uint64)
    for place, factor in enumerate(_odd("shingle", size)):
        mixed += row[place : place + starts] * factor
    return np.unique(mixed)


def jaccard(first: Hashes, second: Hashes) -> float:
    """The share of the shingles of either that are of both."""
    few, many = (first, second) if first.size <= second.size else (second, first)
    shared = np.count_nonzero(many.take(many.searchsorted(few), mode="clip") == few)
    return shared / (few.size + many.size - shared)


class NearDuplicates:
    """Texts of which none is nearly another.

    >>> seen = NearDuplicates()
    >>> seen.add("a", "Boil the water in the kitchen.")
    >>> seen.add("b", "boil  the water in the kitchen")
    'a'
    """

    def __init__(self, threshold: float = THRESHOLD, shingle: int = SHINGLE) -> None:
        if not 0 < threshold <= 1:
            raise InvalidInput(f"a threshold is over 0 and up to 1, not {threshold}", "threshold")
        if shingle < 1:
            raise InvalidInput(f"a shingle has at least 1 word, not {shingle}", "shingle")
        self._threshold = threshold
        self._shingle = shingle
        self._rows = _rows(threshold)
        # Four standard deviations under the threshold an estimate tells that nothing is to be found.
        self._hopeless = threshold - 4 * (threshold * (1 - threshold) / SIGNATURE) ** 0.5
        self._keys: list[str] = []
        self._shingles: list[Hashes] = []
        self._facts = np.empty(_ROOM, _FACTS)
        self._bands: dict[int, int | list[int]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: str, text: str, among: str = "") -> str | None:
        """The key of the first kept text that this nearly repeats; None where there is none, and it is kept.

        Only texts that were added with an equal `among` are compared.
        """
        own = shingles(text, self._shingle)
        facts = np.array((_word_hash(among), own.size, _signature(own)), _FACTS)
        bands = self._band_keys(facts)
        for number in self._likely(facts, bands):
            if jaccard(self._shingles[number], own) >= self._threshold:
                return self._keys[number]
        self._keep(key, own, facts, bands)
        return None

    def _likely(self, own: NDArray[np.void], bands: list[int]) -> list[int]:
        """The numbers of the kept texts that share a band and may pass, the earliest first."""
        numbers = np.array(self._candidates(bands), np.int64)
        kept = self._facts[numbers]
        ratio = np.minimum(kept["size"], own["size"]) / np.maximum(kept["size"], own["size"])
        alike = np.count_nonzero(kept["signature"] == own["signature"], axis=1) / SIGNATURE
        fit = (kept["among"] == own["among"]) & (ratio >= self._threshold) & (alike >= self._hopeless)
        found: list[int] = numbers[fit].tolist()
        return found

    def _candidates(self, bands: list[int]) -> list[int]:
        found: set[int] = set()
        for band in bands:
            match self._bands.get(band):
                case int(number):
                    found.add(number)
                case list(numbers):
                    found.update(numbers)
        return sorted(found)

    def _keep(self, key: str, own: Hashes, facts: NDArray[np.void], bands: list[int]) -> None:
        number = len(self._keys)
        if number == len(self._facts):
            self._facts = np.concatenate([self._facts, np.empty_like(self._facts)])
        self._facts[number] = facts
        self._keys.append(key)
        self._shingles.append(own)
        for band in bands:
            # Most bands hold one text: a number takes a quarter of a list's room.
            match self._bands.setdefault(band, number):
                case list(numbers):
                    numbers.append(number)
                case int(other) if other != number:
                    self._bands[band] = [other, number]

    def _band_keys(self, facts: NDArray[np.void]) -> list[int]:
        count = SIGNATURE // self._rows
        rows = facts["signature"][: count * self._rows].reshape(count, self._rows).astype(np.uint64)
        keys = (rows * _odd("row", self._rows)).sum(axis=1, dtype=np.uint64) * _odd("band", count)
        found: list[int] = (keys ^ facts["among"]).tolist()
        return found


def trajectory_key(trajectory: Trajectory) -> str:
    """The text by which trajectories are compared: instruction, observations and actions in order of time.

    Long observations outweigh what was done: compare among equal `course`s where that matters.
    """
    steps = (text for step in trajectory.steps for text in (step.observation, step.action))
    texts = [trajectory.instruction, *steps, trajectory.final_observation or ""]
    return "\n".join(map(_plain, texts))


def course(trajectory: Trajectory) -> str:
    """What was done, for `among`: spans that differ by a step share most of their text, but not this."""
    return "\n".join(_plain(step.action) for step in trajectory.steps)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


@lru_cache(1 << 18)
def _word_hash(word: str) -> int:
    digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


@lru_cache
def _odd(use: str, count: int) -> Hashes:
    """That many odd factors, fixed for each use."""
    return np.array([_word_hash(f"{use}/{number}") | 1 for number in range(count)], np.uint64)


def _signature(values: Hashes) -> NDArray[np.uint32]:
    """MinHash: the least value under each of `SIGNATURE` orders."""
    least = np.full(SIGNATURE, np.iinfo(np.uint64).max, np.uint64)
    factors, shifts = _odd("order", SIGNATURE)[:, None], _odd("shift", SIGNATURE)[:, None]
    for start in range(0, len(values), _CHUNK):
        ordered = values[None, start : start + _CHUNK] * factors + shifts
        np.minimum(least, ordered.min(axis=1), out=least)
    return (least >> np.uint64(32)).astype(np.uint32)


def _rows(threshold: float) -> int:
    """Rows of a band: as many as overlook few enough pairs at the threshold.

    >>> _rows(0.8), SIGNATURE // _rows(0.8)
    (4, 16)
    """
    fit = [rows for rows in range(1, SIGNATURE + 1) if (1 - threshold**rows) ** (SIGNATURE // rows) <= MISSED]
    return max(fit, default=1)
