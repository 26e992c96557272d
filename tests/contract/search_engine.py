"""What every search engine does: inherit `SearchEngineContract` beside a fixture `build`.

`build` (scope "module") gives a `Build`: engines that hold some records and have to answer alike,
however they came to them.

The oracle knows a dict of records and looks at every position of every one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.analysis import NO_ACTION, Analyzer, fingerprint, outline
from indexing.embedder import HashingEmbedder
from indexing.engine import DenseField, Hits, LexicalField, Mask, Numbers, SearchEngine
from indexing.filters import matches, parse_filter
from indexing.lexical import Bm25, LexicalIndex, hash_terms
from indexing.records import JSON, Trajectory
from indexing.terms import terms
from tests.support.collections import IDS, INSTRUCTIONS, OBSERVATIONS, analyzer, trajectories

EMBEDDER = HashingEmbedder(32)
FILTERS = st.sampled_from(
    [{}, {"site": "x"}, {"site": ["y", None]}, {"outcome.success": True}, {"site": "z"}]
)
Build: TypeAlias = Callable[[Sequence[Trajectory]], Sequence[SearchEngine]]
Place: TypeAlias = tuple[str, int]
"""A trajectory's id and a position in it."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """Brute force over the records."""

    records: dict[str, Trajectory]
    analyzer: Analyzer

    @property
    def ids(self) -> list[str]:
        return sorted(self.records, key=str.encode)

    def observations(self, id: str) -> list[str]:
        one = self.records[id]
        return [step.observation for step in one.steps] + (
            [] if one.final_observation is None else [one.final_observation]
        )

    @property
    def places(self) -> list[Place]:
        return [(id, index) for id in self.ids for index in range(len(self.observations(id)))]

    def allowed(self, conditions: JSON, exclude: Sequence[str]) -> list[str]:
        kept = parse_filter(conditions)
        return [id for id in self.ids if id not in exclude and matches(kept, self.records[id])]

    def bm25(self, texts: Sequence[Sequence[str]], query: Sequence[str]) -> list[float]:
        index = LexicalIndex.build([hash_terms(text) for text in texts], np.ones(len(texts), np.int32))
        found: list[float] = Bm25([index]).scores(query)[0].tolist()
        return found

    def observation_scores(self, query: Sequence[str]) -> dict[Place, float]:
        normal = [terms(self.analyzer.normalizer(self.observations(id)[index])) for id, index in self.places]
        return dict(zip(self.places, self.bm25(normal, query), strict=True))

    def lexical(self, field: LexicalField, query: Sequence[str]) -> dict[str, float]:
        texts = []
        for one in (self.records[id] for id in self.ids):
            text = terms(one.instruction)
            if field == "trajectory":
                for step in one.steps:
                    text = text + terms(step.action) + terms(step.thought or "")
            texts.append(text)
        return dict(zip(self.ids, self.bm25(texts, query), strict=True))

    def dense(self, field: DenseField, query: str) -> dict[str, float]:
        vector = EMBEDDER.encode_query(query).astype(float)
        told = {
            id: one.instruction if field == "instruction" else outline(one)
            for id, one in self.records.items()
        }
        return {
            id: round(float(EMBEDDER.encode_query(text).astype(float) @ vector), 9)
            for id, text in told.items()
        }


def best(scores: dict[str, float], allowed: Sequence[str], k: int) -> list[str]:
    return sorted(allowed, key=lambda id: (-round(scores[id], 9), id.encode()))[:k]


class SearchEngineContract:
    """Every test of the seam. Records come with distinct ids; engines may hold dead ones besides."""

    def id(self, engine: SearchEngine, number: int) -> str:
        return engine.trajectory(number).id

    def ids(self, engine: SearchEngine, hits: Hits) -> list[str]:
        return [self.id(engine, number) for number in hits.numbers.tolist()]

    def places(self, engine: SearchEngine, numbers: Numbers) -> list[Place]:
        facts = engine.positions(numbers)
        return [
            (self.id(engine, owner), index)
            for owner, index in zip(facts.owner.tolist(), facts.index.tolist(), strict=True)
        ]

    def scope(self, engine: SearchEngine, conditions: JSON = None, exclude: Sequence[str] = ()) -> Mask:
        return engine.scope(parse_filter(conditions), exclude)

    @settings(max_examples=60)
    @given(
        records=st.lists(trajectories(), max_size=6, unique_by=lambda one: one.id),
        conditions=FILTERS,
        exclude=st.lists(IDS, max_size=3),
        observation=OBSERVATIONS,
        words=INSTRUCTIONS | OBSERVATIONS,
        k=st.integers(0, 8),
    )
    def test_it_answers_as_brute_force_does(
        self,
        build: Build,
        records: list[Trajectory],
        conditions: JSON,
        exclude: list[str],
        observation: str,
        words: str,
        k: int,
    ) -> None:
        oracle = Oracle({one.id: one for one in records}, analyzer())
        allowed = oracle.allowed(conditions, exclude)
        for engine in build(records):
            scope = self.scope(engine, conditions, exclude)
            found = np.flatnonzero(scope).tolist()
            assert len(scope) == engine.size
            assert sorted(self.id(engine, number) for number in found) == sorted(allowed)
            self.check_occurrences(engine, oracle, scope, allowed, observation)
            self.check_observations(engine, oracle, scope, allowed, observation, k)
            self.check_lexical(engine, oracle, scope, allowed, words, k)
            self.check_dense(engine, oracle, scope, allowed, words, k)
            self.check_positions(engine, oracle, np.flatnonzero(scope))

    def check_occurrences(
        self, engine: SearchEngine, oracle: Oracle, scope: Mask, allowed: list[str], observation: str
    ) -> None:
        _, normalized, _ = oracle.analyzer.situation(observation)
        expected = [
            (id, index)
            for id, index in oracle.places
            if id in allowed and oracle.analyzer.situation(oracle.observations(id)[index])[1] == normalized
        ]
        found = self.places(engine, engine.occurrences(normalized, scope))
        assert sorted(found) == sorted(expected)

    def check_observations(
        self, engine: SearchEngine, oracle: Oracle, scope: Mask, allowed: list[str], observation: str, k: int
    ) -> None:
        query = terms(oracle.analyzer.normalizer(observation))
        scores = oracle.observation_scores(query)
        peaks = {id: max(score for (owner, _), score in scores.items() if owner == id) for id in oracle.ids}
        first = {
            id: min(index for (owner, index), score in scores.items() if owner == id and score == peaks[id])
            for id in peaks
        }
        expected = best(peaks, [id for id in allowed if peaks[id] > 0], k)
        hits = engine.search_observations(query, k, scope)
        assert self.places(engine, hits.numbers) == [(id, first[id]) for id in expected]
        assert hits.scores.tolist() == pytest.approx([peaks[id] for id in expected], abs=1e-9)
        everywhere = engine.positions_of(np.flatnonzero(scope))
        again = engine.score_observations(query, everywhere).tolist()
        told = [scores[place] for place in self.places(engine, everywhere)]
        assert again == pytest.approx(told, abs=1e-9)

    def check_lexical(
        self, engine: SearchEngine, oracle: Oracle, scope: Mask, allowed: list[str], words: str, k: int
    ) -> None:
        fields: tuple[LexicalField, ...] = ("instruction", "trajectory")
        for field in fields:
            scores = oracle.lexical(field, terms(words))
            expected = best(scores, [id for id in allowed if scores[id] > 0], k)
            hits = engine.search_lexical(field, terms(words), k, scope)
            assert self.ids(engine, hits) == expected
            assert hits.scores.tolist() == pytest.approx([scores[id] for id in expected], abs=1e-9)

    def check_dense(
        self, engine: SearchEngine, oracle: Oracle, scope: Mask, allowed: list[str], words: str, k: int
    ) -> None:
        fields: tuple[DenseField, ...] = ("instruction", "outline")
        for field in fields:
            scores = oracle.dense(field, words)
            expected = best(scores, allowed, k)
            hits = engine.search_dense(field, EMBEDDER.encode_query(words), k, scope)
            assert self.ids(engine, hits) == expected
            assert hits.scores.tolist() == pytest.approx([scores[id] for id in expected], abs=1e-8)

    def check_positions(self, engine: SearchEngine, oracle: Oracle, alive: Numbers) -> None:
        facts = engine.positions(engine.positions_of(alive))
        expected = []
        for number in alive.tolist():
            one = engine.trajectory(number)
            assert one == oracle.records[one.id]
            acts = [fingerprint(step.action) for step in one.steps] + [NO_ACTION]
            for index, observation in enumerate(oracle.observations(one.id)):
                verbatim, normalized, _ = oracle.analyzer.situation(observation)
                expected.append((number, index, verbatim, normalized, acts[index]))
        columns = (facts.owner, facts.index, facts.verbatim, facts.normalized, facts.action)
        assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected
