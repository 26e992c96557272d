"""A new generation is held against the records before it is served: a sample, by the slowest means there is.

What its files are was written down when they were written; this asks whether the right thing was
written. The work is bounded: some records read again, some queries answered by looking at everything.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from indexing.analysis import AnalyzedDocument, AnalyzedTrajectory
from indexing.building import Builder
from indexing.dense import DenseIndex, similarity
from indexing.errors import CheckFailed
from indexing.generations import Generation
from indexing.lexical import K1, B, Bm25, LexicalIndex
from indexing.segment import Segment, TrajectorySegment
from indexing.store.records import Kind, RecordStore, Stored

RECORDS = 48
"""How many trajectories, and documents, are read again; a collection of no more is checked whole."""

QUERIES = 4
NEAREST = 10
TERMS = 24
CHUNK = 1 << 14
TOLERANCE = 1e-6
FOREVER = (1 << 62) - 1

Keys = NDArray[np.uint64]


def check_generation(
    generation: Generation,
    builder: Builder,
    store: RecordStore,
    collection: int,
    progress: Callable[[], None] = lambda: None,
) -> None:
    """Raise CheckFailed unless the generation holds what the store held, and finds it.

    `progress` is called between the checks, and may raise to cancel.
    """
    _check_counts(generation, store, collection)
    progress()
    trajectories = _read_again(generation.trajectories, "trajectory", builder, store, collection)
    documents = _read_again(generation.documents, "document", builder, store, collection)
    progress()
    read = {at: one for at, one in trajectories.items() if isinstance(one, AnalyzedTrajectory)}
    told = {at: one for at, one in documents.items() if isinstance(one, AnalyzedDocument)}
    segment = generation.trajectories
    _check_positions(segment, read)
    _check_occurrences(segment, read)
    progress()
    _check_lexical(segment, read)
    progress()
    rows = segment.instruction_row
    texts = {
        "instruction": {int(rows[at]): one.instruction for at, one in read.items()},
        "outline": {at: one.outline for at, one in read.items()},
        "text": {at: one.text for at, one in told.items()},
    }
    for name, index in {**segment.dense, **generation.documents.dense}.items():
        _check_dense(name, index, texts[name], builder)
        progress()
    for at, one in told.items():
        if generation.documents.terms(at) != one.terms.tolist():
            raise CheckFailed(f"document {one.id!r:.80} has other terms in the index")


def _check_counts(generation: Generation, store: RecordStore, collection: int) -> None:
    """As many records as there were; what has changed since may be there still in its older form."""
    built = generation.manifest.sequence
    kinds: tuple[tuple[Kind, Segment], ...] = (
        ("trajectory", generation.trajectories),
        ("document", generation.documents),
    )
    for kind, segment in kinds:
        least = store.count(collection, kind, built)
        most = least + store.deletions(collection, FOREVER).sequence - built
        if not least <= len(segment) <= most:
            raise CheckFailed(f"the index has {len(segment):,} records of kind {kind}, the store {least:,}")


def spread(size: int, count: int) -> list[int]:
    """Some of `size` places, evenly spread, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, size - 1, min(size, count))})


def _read_again(
    segment: Segment, kind: Kind, builder: Builder, store: RecordStore, collection: int
) -> dict[int, AnalyzedTrajectory | AnalyzedDocument]:
    """Some records as the index has them, analysed anew, by their place; they must be the store's."""
    found = {}
    for at in spread(len(segment), RECORDS):
        id, revision, body = segment.ids[at], int(segment.revision[at]), segment.body(at)
        kept = store.get(collection, kind, id)
        if kept is not None and kept.sequence == revision and kept.body != body:
            raise CheckFailed(f"{kind} {id!r:.80} isn't in the index as it is stored")
        if kept is not None and kept.sequence < revision:
            raise CheckFailed(f"{kind} {id!r:.80} is newer in the index than in the store")
        one = found[at] = builder.read(kind, Stored(id, revision, "", body))
        if one.id != id:
            raise CheckFailed(f"{kind} {id!r:.80} stands in the index under another record's id")
    return found


def _check_positions(segment: TrajectorySegment, read: dict[int, AnalyzedTrajectory]) -> None:
    for at, one in read.items():
        span = slice(segment.position_start[at], segment.position_start[at + 1])
        keys = segment.observations.keys[segment.observation_row[span]]
        same = (
            np.array_equal(segment.verbatim[span], one.verbatim)
            and np.array_equal(keys, one.normalized)
            and np.array_equal(segment.action[span], one.actions)
            and np.array_equal(segment.tokens[span], one.tokens)
        )
        if not same:
            raise CheckFailed(f"the observations, actions or token counts of {one.id!r:.80} are others")


def _check_occurrences(segment: TrajectorySegment, read: dict[int, AnalyzedTrajectory]) -> None:
    """Where an observation occurs: looked up, against every position looked at."""
    every = segment.observations.keys[segment.observation_row]
    for at in list(read)[:: max(1, len(read) // QUERIES)]:
        key = int(read[at].normalized[0])
        row = segment.observations.find(key)
        found = [] if row is None else segment.observations.of(row).tolist()
        if found != np.flatnonzero(every == np.uint64(key)).tolist():
            raise CheckFailed(f"an observation of {read[at].id!r:.80} isn't found everywhere it occurs")


def _check_lexical(segment: TrajectorySegment, read: dict[int, AnalyzedTrajectory]) -> None:
    whole = len(read) == len(segment)
    for name, index in segment.lexical.items():
        rows = _rows(name, segment, read)
        corpus = _Corpus(index, rows if whole else None)
        scores = Bm25([index])
        for at in list(rows)[:: max(1, len(rows) // QUERIES)]:
            query = list(dict.fromkeys(rows[at].tolist()))[:TERMS]
            found = scores.scores_of_keys(np.array(query, np.uint64))[0]
            for row, terms in rows.items():
                if abs(corpus.score(query, terms) - float(found[row])) > TOLERANCE:
                    raise CheckFailed(f"BM25 over the field {name} gives another score than its formula")


def _rows(name: str, segment: TrajectorySegment, read: dict[int, AnalyzedTrajectory]) -> dict[int, Keys]:
    """The terms of the distinct texts of a field, by row, as the records have them."""
    rows: dict[int, Keys] = {}
    for at, one in read.items():
        if name == "trajectory":
            rows[at] = one.trajectory_terms
        elif name == "instruction":
            rows[int(segment.instruction_row[at])] = one.instruction_terms
        else:
            start = int(segment.position_start[at])
            own = segment.observation_row[start : start + len(one.verbatim)].tolist()
            rows |= dict(zip(own, one.observation_terms, strict=True))
    return rows


class _Corpus:
    """The statistics of a corpus and the plain formula; counted anew where all texts are at hand."""

    def __init__(self, index: LexicalIndex, rows: dict[int, Keys] | None) -> None:
        self._index = index
        self._counted: Counter[int] | None = None
        self.size = index.size
        length = index.total_length
        if rows is not None:
            weights = {row: int(index.weights[row]) for row in rows}
            self._counted = Counter()
            for row, terms in rows.items():
                self._counted.update(dict.fromkeys(set(terms.tolist()), 0))
                for term in set(terms.tolist()):
                    self._counted[term] += weights[row]
            self.size = sum(weights.values())
            length = sum(len(terms) * weights[row] for row, terms in rows.items())
        self.mean_length = length / self.size if length else 1.0

    def _frequency(self, term: int) -> int:
        if self._counted is not None:
            return self._counted[term]
        place = int(self._index.find(np.array([term], np.uint64))[0])
        return int(self._index.frequency[place]) if place >= 0 else 0

    def score(self, query: Iterable[int], terms: Keys) -> float:
        """BM25 of a text with these terms."""
        counts = Counter(terms.tolist())
        norm = K1 * (1 - B + B * len(terms) / self.mean_length)
        total = 0.0
        for term in query:
            if count := counts[term]:
                frequency = self._frequency(term)
                idf = math.log1p((self.size - frequency + 0.5) / (frequency + 0.5))
                total += idf * (K1 + 1) * count / (count + norm)
        return total


def _check_dense(name: str, index: DenseIndex, texts: dict[int, str], builder: Builder) -> None:
    """The vectors are the texts', and the nearest are those that a look at every one finds."""
    rows = list(texts)[:: max(1, len(texts) // QUERIES)] if texts else []
    if not rows:
        return
    queries = index.vectors(np.array(rows, np.int64))
    if not np.array_equal(queries, builder.lane.index([texts[row] for row in rows])):
        raise CheckFailed(f"the index of the field {name} has other vectors than its texts")
    every = np.concatenate([_similarities(index, start, queries) for start in range(0, index.size, CHUNK)])
    for number, query in enumerate(queries):
        scores = every[:, number]
        edge = np.partition(scores, -min(NEAREST, index.size))[-min(NEAREST, index.size)]
        found, _ = index.search(query, NEAREST)
        if set(found.tolist()) != set(np.flatnonzero(scores >= edge).tolist()):
            raise CheckFailed(f"the index of the field {name} doesn't find the nearest")


def _similarities(index: DenseIndex, start: int, queries: NDArray[np.float32]) -> NDArray[np.float64]:
    vectors = index.vectors(np.arange(start, min(start + CHUNK, index.size)))
    return np.stack([similarity(vectors, query) for query in queries], axis=1)
