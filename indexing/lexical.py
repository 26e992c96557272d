"""BM25 over rows of terms, from postings that live in memory-mapped arrays.

A *row* is a distinct text; its *weight* is how many records carry that text, so that statistics
are those of the whole corpus whichever way it is cut into segments. Formula and constants are
rank_bm25's BM25Okapi (k1 = 1.5, b = 0.75, epsilon = 0.25), which `idf="okapi"` reproduces; the
default `idf="lucene"` (ln(1 + (N - df + 0.5) / (df + 0.5))) stays positive on tiny corpora.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

K1, B, EPSILON = 1.5, 0.75, 0.25
MAX_QUERY_TERMS = 256
"""A longer query keeps its rarest terms: what is common adds time, not order."""

LOOKUP, LOOKUPS = 1_000, 10
"""What looking up one term costs, at all and for each row, in postings that could be added up instead."""

BAR_STEP, LOWEST_BAR = 0.7, 0.05

Idf = Literal["lucene", "okapi"]
Floats = NDArray[np.float64]


@lru_cache(maxsize=1 << 20)
def term_hash(term: str) -> int:
    """A term's 64-bit key in the vocabulary."""
    return int.from_bytes(blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def hash_terms(terms: Iterable[str]) -> NDArray[np.uint64]:
    """The keys of a text's terms, in order, shape (terms,)."""
    return np.fromiter(map(term_hash, terms), np.uint64)


class LexicalIndex:
    """The postings of one segment's rows for one field; immutable.

    Arrays: `vocabulary` (V,) sorted term keys; `start` (V+1,) into `rows` and `counts` (P,);
    `document_frequency` (V,) weighted; `lengths` and `weights` (R,).
    """

    NAMES = ("vocabulary", "start", "rows", "counts", "document_frequency", "lengths", "weights")

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = {name: arrays[name] for name in self.NAMES}
        self.vocabulary, self.start, self.rows, self.counts, self.frequency, self.lengths, self.weights = (
            self.arrays[name] for name in self.NAMES
        )
        weights = self.weights.astype(np.int64)
        self.size = int(weights.sum())
        self.total_length = int((weights * self.lengths).sum())

    @classmethod
    def build(cls, texts: Sequence[NDArray[np.uint64]], weights: NDArray[np.int32]) -> LexicalIndex:
        """Index rows given as arrays of term keys (`hash_terms`)."""
        lengths = np.fromiter((len(text) for text in texts), np.int32, len(texts))
        terms = np.concatenate([*texts, np.empty(0, np.uint64)])
        vocabulary, codes = np.unique(terms, return_inverse=True)
        owner = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
        keys, counts = np.unique(codes * max(len(texts), 1) + owner, return_counts=True)
        code, rows = np.divmod(keys, max(len(texts), 1))
        start = np.searchsorted(code, np.arange(len(vocabulary) + 1))
        frequency = np.bincount(code, weights[rows], minlength=len(vocabulary)).astype(np.int64)
        return cls(
            {
                "vocabulary": vocabulary,
                "start": start.astype(np.int64),
                "rows": rows.astype(np.int32),
                "counts": counts.astype(np.int32),
                "document_frequency": frequency,
                "lengths": lengths,
                "weights": weights.astype(np.int32),
            }
        )

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Each key's place in the vocabulary, -1 where it isn't there."""
        if not len(self.vocabulary):
            return np.full(len(keys), -1, np.int64)
        places = np.minimum(np.searchsorted(self.vocabulary, keys), len(self.vocabulary) - 1)
        return np.where(self.vocabulary[places] == keys, places, -1)


class Bm25:
    """BM25 over the rows of one or more segments, with the statistics of all of them together."""

    def __init__(self, indexes: Sequence[LexicalIndex], idf: Idf = "lucene") -> None:
        self.indexes = tuple(indexes)
        self.size = sum(index.size for index in self.indexes)
        length = sum(index.total_length for index in self.indexes)
        self.mean_length = length / self.size if length else 1.0
        self._norms = [K1 * (1 - B + B * (index.lengths / self.mean_length)) for index in self.indexes]
        self._floor = self._okapi_floor() if idf == "okapi" else None

    def _okapi_floor(self) -> float:
        vocabulary = np.unique(
            np.concatenate([np.empty(0, np.uint64), *(index.vocabulary for index in self.indexes)])
        )
        frequency = np.zeros(len(vocabulary), np.int64)
        for index in self.indexes:
            frequency[np.searchsorted(vocabulary, index.vocabulary)] += index.frequency
        idf = np.log(self.size - frequency + 0.5) - np.log(frequency + 0.5)
        return EPSILON * float(idf.mean()) if len(idf) else 0.0

    def _idf(self, frequency: Floats) -> Floats:
        if self._floor is None:
            return np.log1p((self.size - frequency + 0.5) / (frequency + 0.5))
        idf = np.log(self.size - frequency + 0.5) - np.log(frequency + 0.5)
        return np.where(idf < 0, self._floor, idf)

    def ideal(self, terms: Iterable[str]) -> float:
        """The score of a row that consists of exactly these terms: what an equal text would get."""
        query = Counter(terms)
        if not self.size or not query:
            return 0.0
        keys = hash_terms(query)
        counts = np.fromiter(query.values(), np.float64, len(query))
        norm = K1 * (1 - B + B * counts.sum() / self.mean_length)
        idf = self._idf(np.maximum(self._frequency(keys), 1.0))
        gain = idf * counts * (K1 + 1)
        kept = np.lexsort((keys, -gain))[:MAX_QUERY_TERMS]
        return float((gain * counts / (counts + norm))[kept].sum())

    def _frequency(self, keys: NDArray[np.uint64]) -> Floats:
        frequency = np.zeros(len(keys))
        for index in self.indexes:
            place = index.find(keys)
            if len(index.frequency):
                frequency += np.where(place >= 0, index.frequency[place], 0)
        return frequency

    def scores(self, terms: Iterable[str]) -> list[Floats]:
        """The score of every row, one array (R,) for each index; 0 where no term occurs."""
        gain, places = self._weigh(terms)
        return [
            _accumulate(index, norm, place, gain)
            for index, norm, place in zip(self.indexes, self._norms, places, strict=True)
        ]

    def scores_at(self, terms: Iterable[str], rows: Sequence[NDArray[np.integer[Any]]]) -> list[Floats]:
        """The scores of some rows, an array of them for each index: to the bit what `scores` gives them."""
        gain, places = self._weigh(terms)
        return [
            _score_rows(index, norm, place, gain, wanted)
            for index, norm, place, wanted in zip(self.indexes, self._norms, places, rows, strict=True)
        ]

    def _weigh(self, terms: Iterable[str]) -> tuple[Floats, list[NDArray[np.int64]]]:
        """What each distinct term may add to a score at most, and its place in each vocabulary."""
        query = Counter(terms)
        if not self.size or not query:
            return np.zeros(0), [np.zeros(0, np.int64) for _ in self.indexes]
        keys = hash_terms(query)
        repeats = np.fromiter(query.values(), np.float64, len(query))
        places = [index.find(keys) for index in self.indexes]
        frequency = self._frequency(keys)
        gain = np.where(frequency > 0, self._idf(np.maximum(frequency, 1)), 0.0) * repeats * (K1 + 1)
        if len(keys) > MAX_QUERY_TERMS:
            keep = np.lexsort((keys, -gain))[:MAX_QUERY_TERMS]
            gain, places = gain[keep], [place[keep] for place in places]
        return gain, places


def _accumulate(index: LexicalIndex, norm: Floats, places: NDArray[np.int64], gain: Floats) -> Floats:
    """Sum of gain * tf / (tf + norm) over the postings of the terms at `places`."""
    found = places >= 0
    spans = [slice(index.start[place], index.start[place + 1]) for place in places[found]]
    if not spans:
        return np.zeros(len(index.lengths))
    rows = np.concatenate([index.rows[span] for span in spans])
    counts = np.concatenate([index.counts[span] for span in spans]).astype(np.float64)
    gains = np.repeat(gain[found], [span.stop - span.start for span in spans])
    contributions = gains * counts / (counts + norm[rows])
    return np.bincount(rows, contributions, minlength=len(index.lengths)).astype(np.float64)


def _score_rows(
    index: LexicalIndex,
    norm: Floats,
    places: NDArray[np.int64],
    gain: Floats,
    wanted: NDArray[np.integer[Any]],
) -> Floats:
    """What `_accumulate` gives the rows `wanted`: cheaper where they are few, by looking each one up."""
    found = places >= 0
    terms = int(found.sum())
    postings = int((index.start[places[found] + 1] - index.start[places[found]]).sum())
    if postings + len(index.lengths) < terms * (LOOKUP + len(wanted) * LOOKUPS):
        picked: Floats = _accumulate(index, norm, places, gain)[wanted]
        return picked
    rows = wanted.astype(index.rows.dtype)
    norms, total = norm[rows], np.zeros(len(rows))
    for place, most in zip(places[found].tolist(), gain[found].tolist(), strict=True):
        first, last = int(index.start[place]), int(index.start[place + 1])
        at = np.minimum(np.searchsorted(index.rows[first:last], rows), last - first - 1) + first
        counts = np.where(index.rows[at] == rows, index.counts[at], 0).astype(np.float64)
        total += most * counts / (counts + norms)
    return total


def contenders(scores: Floats, k: int) -> NDArray[np.int64]:
    """Places of the k best scores above zero and of all that tie with the last of them, ascending.

    Most scores are small: a bar is lowered until enough stand above it, and only those are ranked.
    """
    top = float(scores.max(initial=0.0))
    if k <= 0 or top <= 0.0:
        return np.empty(0, np.int64)
    bar = top
    places = np.empty(0, np.int64)
    while len(places) < k and bar > top * LOWEST_BAR:
        bar *= BAR_STEP
        places = np.flatnonzero(scores >= bar)
    if len(places) < k:
        places = np.flatnonzero(scores > 0.0)
    if len(places) <= k:
        return places
    found = scores[places]
    kept: NDArray[np.int64] = places[found >= np.partition(found, -k)[-k]]
    return kept
