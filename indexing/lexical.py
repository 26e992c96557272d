"""BM25 over rows of terms, from postings that live in memory-mapped arrays.

A *row* is a distinct text; its *weight* is how many records carry that text, so that statistics
are those of the whole corpus whichever way it is cut into segments. Formula and constants are
rank_bm25's BM25Okapi (k1 = 1.5, b = 0.75, epsilon = 0.25), which `idf="okapi"` reproduces; the
default `idf="lucene"` (ln(1 + (N - df + 0.5) / (df + 0.5))) stays positive on tiny corpora.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

K1, B, EPSILON = 1.5, 0.75, 0.25
MAX_QUERY_TERMS = 256
"""A longer query keeps its rarest terms: what is common adds time, not order."""

LOOKUP = 20
"""What looking up one term in one row costs, in postings that could be added up instead."""

COMMON, KEPT = 128, 1 << 22
"""Terms with so many postings are kept ready to be added up: at most so many postings, 16 bytes each."""

BAR_STEP, LOWEST_BAR = 0.7, 0.05

Idf = Literal["lucene", "okapi"]
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Rows = NDArray[np.integer[Any]]


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
        self._scorers = [_Scorer(index, self.mean_length) for index in self.indexes]
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
        places = [index.find(keys) for index in self.indexes]
        idf = self._idf(np.maximum(self._frequency(places), 1.0))
        gain = idf * counts * (K1 + 1)
        kept = np.lexsort((keys, -gain))[:MAX_QUERY_TERMS]
        return float((gain * counts / (counts + norm))[kept].sum())

    def _frequency(self, places: Sequence[NDArray[np.int64]]) -> Floats:
        frequency = np.zeros(len(places[0]) if places else 0)
        for index, place in zip(self.indexes, places, strict=True):
            if len(index.frequency):
                frequency += np.where(place >= 0, index.frequency[place], 0)
        return frequency

    def scores(self, terms: Iterable[str]) -> list[Floats]:
        """The score of every row, one array (R,) for each index; 0 where no term occurs."""
        gain, places = self._weigh(terms)
        return [scorer.scores(gain, place) for scorer, place in zip(self._scorers, places, strict=True)]

    def scores_of_keys(self, keys: NDArray[np.uint64]) -> list[Floats]:
        """As `scores`, for distinct terms that are given by their keys."""
        places = [index.find(keys) for index in self.indexes]
        gain = self._gain(places, np.ones(len(keys)))
        return [scorer.scores(gain, place) for scorer, place in zip(self._scorers, places, strict=True)]

    def _gain(self, places: Sequence[NDArray[np.int64]], repeats: Floats) -> Floats:
        frequency = self._frequency(places)
        found: Floats = np.where(frequency > 0, self._idf(np.maximum(frequency, 1)), 0.0) * repeats * (K1 + 1)
        return found

    def scores_at(self, terms: Iterable[str]) -> Callable[[int, Rows], Floats]:
        """What gives some rows of the index of that number their scores: to the bit what `scores` gives."""
        gain, places = self._weigh(terms)
        return lambda number, rows: self._scorers[number].scores_at(gain, places[number], rows)

    def shared(self, terms: Iterable[str]) -> Callable[[int, Rows], Numbers]:
        """What tells how many terms rows of an index have in common with a text, repeats counted."""
        query = Counter(terms)
        keys, repeats = hash_terms(query), np.fromiter(query.values(), np.int64, len(query))
        return lambda number, rows: self._scorers[number].shared(
            repeats, self.indexes[number].find(keys), rows
        )

    def _weigh(self, terms: Iterable[str]) -> tuple[Floats, list[NDArray[np.int64]]]:
        """What each distinct term may add to a score at most, and its place in each vocabulary."""
        query = Counter(terms)
        if not self.size or not query:
            return np.zeros(0), [np.zeros(0, np.int64) for _ in self.indexes]
        keys = hash_terms(query)
        repeats = np.fromiter(query.values(), np.float64, len(query))
        places = [index.find(keys) for index in self.indexes]
        gain = self._gain(places, repeats)
        if len(keys) > MAX_QUERY_TERMS:
            keep = np.lexsort((keys, -gain))[:MAX_QUERY_TERMS]
            gain, places = gain[keep], [place[keep] for place in places]
        return gain, places


class _Scorer:
    """Adds up one index's postings: gain * (tf / (tf + norm)) for each term, in the order of the terms."""

    def __init__(self, index: LexicalIndex, mean_length: float) -> None:
        self._index = index
        self._norm = K1 * (1 - B + B * (index.lengths / mean_length))
        self._common: dict[int, tuple[NDArray[np.intp], Floats]] = {}
        self._room = KEPT

    def scores(self, gain: Floats, places: Numbers) -> Floats:
        """The score of every row."""
        found = np.zeros(len(self._index.lengths))
        for most, place in zip(gain.tolist(), places.tolist(), strict=True):
            if place >= 0:
                rows, shares = self._postings(place)
                np.add.at(found, rows, most * shares)
        return found

    def scores_at(self, gain: Floats, places: Numbers, wanted: Rows) -> Floats:
        """What `scores` gives the rows `wanted`: cheaper where they are few, by looking each one up."""
        index = self._index
        known = places >= 0
        gain, places = gain[known], places[known]
        postings = int((index.start[places + 1] - index.start[places]).sum())
        if not len(places) or postings + len(index.lengths) < len(places) * len(wanted) * LOOKUP:
            picked: Floats = self.scores(gain, places)[wanted]
            return picked
        counts = self._counts(places, wanted)
        shares = counts / (counts + self._norm[wanted])
        last: Floats = (gain[:, None] * shares).cumsum(axis=0)[-1]
        return last

    def shared(self, repeats: Numbers, places: Numbers, wanted: Rows) -> Numbers:
        """How many terms each of the rows `wanted` shares with a text, repeats counted."""
        known = places >= 0
        counts = self._counts(places[known], wanted)
        found: Numbers = np.minimum(counts, repeats[known, None]).sum(axis=0, dtype=np.int64)
        return found

    def _counts(self, places: Numbers, wanted: Rows) -> NDArray[np.int32]:
        """How often each term occurs in each of the rows `wanted`, shape (terms, wanted)."""
        rows, counts = self._index.rows, self._index.counts
        wanted = wanted.astype(rows.dtype)
        starts, stops = self._index.start[places], self._index.start[places + 1]
        at = np.empty((len(places), len(wanted)), np.intp)
        for term, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
            at[term] = rows[start:stop].searchsorted(wanted)
        at = np.minimum(at + starts[:, None], stops[:, None] - 1)
        return np.where(rows[at] == wanted, counts[at], 0)

    def _postings(self, place: int) -> tuple[NDArray[np.intp], Floats]:
        """The rows that bear a term, and each one's tf / (tf + norm)."""
        kept = self._common.get(place)
        if kept is not None:
            return kept
        span = slice(self._index.start[place], self._index.start[place + 1])
        rows = self._index.rows[span].astype(np.intp)
        counts = self._index.counts[span].astype(np.float64)
        postings = rows, counts / (counts + self._norm[rows])
        if COMMON <= len(rows) <= self._room:
            self._room -= len(rows)
            self._common[place] = postings
        return postings


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
