"""One generation and its delta as one thing to search: the embedded search engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.analysis import Analyzer
from indexing.dense import similarity
from indexing.derived import Derived
from indexing.engine import DenseField, Floats, Hits, LexicalField, Mask, Numbers, Positions
from indexing.filters import Filter
from indexing.lexical import Bm25, contenders
from indexing.pool import Pool, starts_of
from indexing.records import Document, Trajectory, document_from_bytes, trajectory_from_bytes
from indexing.segment import DocumentSegment, TrajectorySegment
from indexing.segment_search import best_positions, search_instructions
from indexing.settings import CollectionSettings


class Snapshot(Derived):
    """A collection as it stands at one moment. Implements `indexing.engine.SearchEngine`."""

    def __init__(
        self,
        generation: str,
        settings: CollectionSettings,
        analyzer: Analyzer,
        trajectories: Pool[TrajectorySegment],
        documents: Pool[DocumentSegment],
        learned: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.generation = generation
        self.settings = settings
        self.analyzer = analyzer
        self.trajectories = trajectories
        self.documents = documents
        self.learned = learned
        """What strategies learned of the generation (see `indexing.learned`)."""
        self._row_scores = lru_cache(8)(lambda field, terms: self._bm25[field].scores(terms))
        self._told = lru_cache(8)(lambda terms: self._bm25["instruction"].scores_at(terms))
        self._position_starts = starts_of([len(segment.owner) for segment in trajectories.segments])

    @property
    def position_starts(self) -> Numbers:
        """The number of each segment's first position, and how many positions there are in all."""
        return self._position_starts

    @property
    def size(self) -> int:
        return len(self.trajectories)

    def scope(self, conditions: Filter, exclude: Sequence[str]) -> Mask:
        return self.trajectories.scope(conditions, exclude)

    @cached_property
    def _bm25(self) -> dict[str, Bm25]:
        fields = ("observation", "instruction", "trajectory")
        return {name: Bm25([s.lexical[name] for s in self.trajectories.segments]) for name in fields}

    def _cut(self, numbers: Numbers, starts: Numbers) -> list[tuple[int, Any, Numbers]]:
        """For each segment with any of `numbers`: its place, which are its own, and their places in it."""
        if len(self.trajectories.segments) == 1:
            return [(0, slice(None), numbers)]
        place = np.searchsorted(starts, numbers, "right") - 1
        return [(i, place == i, numbers[place == i] - starts[i]) for i in np.unique(place).tolist()]

    def _gather(
        self, numbers: Numbers, starts: Numbers, kind: Any, of: Callable[[int, Numbers], NDArray[Any]]
    ) -> NDArray[Any]:
        """What `of` gives for a segment's place and places in it, for each of `numbers`."""
        found = np.empty(len(numbers), kind)
        for i, mine, local in self._cut(numbers, starts):
            found[mine] = of(i, local)
        return found

    def _of_trajectories(
        self, numbers: Numbers, kind: Any, of: Callable[[int, Numbers], NDArray[Any]]
    ) -> NDArray[Any]:
        return self._gather(numbers, self.trajectories.starts, kind, of)

    def _of_positions(
        self, numbers: Numbers, kind: Any, of: Callable[[int, Numbers], NDArray[Any]]
    ) -> NDArray[Any]:
        return self._gather(numbers, self._position_starts, kind, of)

    def occurrences(self, normalized: int, scope: Mask) -> Numbers:
        found = [np.empty(0, np.int64)]
        for first, start, segment in zip(
            self.trajectories.starts, self._position_starts, self.trajectories.segments, strict=False
        ):
            row = segment.observations.find(normalized)
            if row is not None:
                members = segment.observations.of(row).astype(np.int64)
                found.append(start + members[scope[first + segment.owner[members]]])
        return np.concatenate(found)

    def search_observations(self, terms: Sequence[str], k: int, scope: Mask) -> Hits:
        numbers, positions, scores = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
        for first, start, segment, found in zip(
            self.trajectories.starts,
            self._position_starts,
            self.trajectories.segments,
            self._row_scores("observation", tuple(terms)),
            strict=False,
        ):
            owners, places, peaks = best_positions(segment, found, k, scope[first : first + len(segment)])
            numbers.append(first + owners)
            positions.append(start + places)
            scores.append(peaks)
        owners, peaks = np.concatenate(numbers), np.concatenate(scores)
        order = np.lexsort((self.trajectories.rank[owners], -peaks))[:k]
        return Hits(np.concatenate(positions)[order], peaks[order])

    def score_observations(self, terms: Sequence[str], positions: Numbers) -> Floats:
        scores, segments = self._row_scores("observation", tuple(terms)), self.trajectories.segments
        return self._of_positions(
            positions, np.float64, lambda i, local: scores[i][segments[i].observation_row[local]]
        )

    def shared_terms(self, terms: Sequence[str], positions: Numbers) -> tuple[Numbers, Numbers]:
        """How many terms each observation shares with a text, and how many it has, repeats counted."""
        share, segments = self._bm25["observation"].shared(terms), self.trajectories.segments
        return (
            self._of_positions(
                positions, np.int64, lambda i, local: share(i, segments[i].observation_row[local])
            ),
            self._of_positions(
                positions,
                np.int64,
                lambda i, local: (
                    segments[i].lexical["observation"].lengths[segments[i].observation_row[local]]
                ),
            ),
        )

    def ideal_observation_score(self, terms: Sequence[str]) -> float:
        """BM25 of an observation of exactly these terms."""
        return self._bm25["observation"].ideal(terms)

    def search_lexical(self, field: LexicalField, terms: Sequence[str], k: int, scope: Mask) -> Hits:
        parts = self._row_scores(field, tuple(terms))
        if field == "instruction":
            parts = [p[s.instruction_row] for p, s in zip(parts, self.trajectories.segments, strict=True)]
        scores = np.where(scope, np.concatenate([np.empty(0), *parts]), 0.0)
        chosen = contenders(scores, k)
        return self.trajectories.best(chosen, scores[chosen], k)

    def search_dense(self, field: DenseField, vector: NDArray[np.float32], k: int, scope: Mask) -> Hits:
        numbers, scores = [np.empty(0, np.int64)], [np.empty(0)]
        for first, segment in zip(self.trajectories.starts, self.trajectories.segments, strict=False):
            allowed = scope[first : first + len(segment)]
            if field == "outline":
                rows, found = segment.dense[field].search(vector, k, None if allowed.all() else allowed)
                numbers.append(first + rows)
                scores.append(found)
            else:
                members, found = search_instructions(segment, vector, k, allowed)
                numbers.append(first + members)
                scores.append(found)
        return self.trajectories.best(np.concatenate(numbers), np.concatenate(scores), k)

    def score_instructions(self, terms: Sequence[str], trajectories: Numbers) -> Floats:
        """BM25 of the instruction of each trajectory."""
        score, segments = self._told(tuple(terms)), self.trajectories.segments
        return self._of_trajectories(
            trajectories, np.float64, lambda i, local: score(i, segments[i].instruction_row[local])
        )

    def score_dense_instructions(self, vector: NDArray[np.float32], trajectories: Numbers) -> Floats:
        """The cosine of each trajectory's instruction."""
        segments = self.trajectories.segments

        def of(place: int, local: Numbers) -> Floats:
            segment = segments[place]
            rows, back = np.unique(segment.instruction_row[local], return_inverse=True)
            return similarity(segment.dense["instruction"].vectors(rows.astype(np.int64)), vector)[back]

        return self._of_trajectories(trajectories, np.float64, of)

    def steps_of(self, trajectories: Numbers) -> NDArray[np.int32]:
        """The number of steps of each trajectory."""
        segments = self.trajectories.segments
        return self._of_trajectories(trajectories, np.int32, lambda i, local: segments[i].steps[local])

    def positions(self, numbers: Numbers) -> Positions:
        owner = np.empty(len(numbers), np.int64)
        index = np.empty(len(numbers), np.int64)
        prints = np.empty((3, len(numbers)), np.uint64)
        for i, mine, local in self._cut(numbers, self._position_starts):
            segment = self.trajectories.segments[i]
            own = segment.owner[local]
            owner[mine] = self.trajectories.starts[i] + own
            index[mine] = local - segment.position_start[own]
            prints[0, mine] = segment.verbatim[local]
            prints[1, mine] = segment.observations.keys[segment.observation_row[local]]
            prints[2, mine] = segment.action[local]
        return Positions(numbers, owner, index, *prints)

    def owners(self, positions: Numbers) -> Numbers:
        """The trajectory that each position is of."""
        segments, starts = self.trajectories.segments, self.trajectories.starts
        return self._of_positions(positions, np.int64, lambda i, local: starts[i] + segments[i].owner[local])

    def actions_at(self, numbers: Numbers) -> NDArray[np.uint64]:
        """The action's fingerprint at each position."""
        segments = self.trajectories.segments
        return self._of_positions(numbers, np.uint64, lambda i, local: segments[i].action[local])

    def instruction_keys(self, trajectories: Numbers) -> NDArray[np.uint64]:
        """The fingerprint of each trajectory's instruction."""
        segments = self.trajectories.segments
        return self._of_trajectories(
            trajectories,
            np.uint64,
            lambda i, local: segments[i].instructions.keys[segments[i].instruction_row[local]],
        )

    def success_of(self, trajectories: Numbers) -> NDArray[np.int8]:
        """1 success, 0 failure, -1 unknown for each trajectory."""
        segments = self.trajectories.segments
        return self._of_trajectories(trajectories, np.int8, lambda i, local: segments[i].success[local])

    def costs(self, number: int) -> tuple[int, NDArray[np.int32]]:
        """Tokens of a trajectory's instruction, and (positions, 3): observation, action, thought."""
        segment, ordinal = self.trajectories.locate(number)
        start = segment.position_start
        return int(segment.instruction_tokens[ordinal]), segment.tokens[start[ordinal] : start[ordinal + 1]]

    def positions_of(self, trajectories: Numbers) -> Numbers:
        segments, starts = self.trajectories.segments, self._position_starts
        first = self._of_trajectories(
            trajectories, np.int64, lambda i, local: starts[i] + segments[i].position_start[local]
        )
        sizes = self._of_trajectories(
            trajectories,
            np.int64,
            lambda i, local: segments[i].position_start[local + 1] - segments[i].position_start[local],
        )
        before = np.cumsum(sizes) - sizes
        found: Numbers = np.repeat(first - before, sizes) + np.arange(sizes.sum())
        return found

    def first_position(self, trajectory: int) -> int:
        """The position of a trajectory's first step."""
        segment, ordinal = self.trajectories.locate(trajectory)
        start = self._position_starts[self.trajectories.place(trajectory)]
        return int(start + segment.position_start[ordinal])

    def search_documents(self, vector: NDArray[np.float32], k: int, scope: Mask) -> Hits:
        """The k nearest documents by cosine."""
        numbers, scores = [np.empty(0, np.int64)], [np.empty(0)]
        for first, segment in zip(self.documents.starts, self.documents.segments, strict=False):
            allowed = scope[first : first + len(segment)]
            rows, found = segment.dense["text"].search(vector, k, None if allowed.all() else allowed)
            numbers.append(first + rows)
            scores.append(found)
        return self.documents.best(np.concatenate(numbers), np.concatenate(scores), k)

    def length(self, number: int) -> int:
        """Bytes of a trajectory's record."""
        segment, ordinal = self.trajectories.locate(number)
        start = segment.arrays["bodies_start"]
        return int(start[ordinal + 1] - start[ordinal])

    def trajectory(self, number: int) -> Trajectory:
        segment, ordinal = self.trajectories.locate(number)
        return trajectory_from_bytes(segment.body(ordinal))

    def document(self, number: int) -> Document:
        """The record of a document's number."""
        segment, ordinal = self.documents.locate(number)
        return document_from_bytes(segment.body(ordinal))
