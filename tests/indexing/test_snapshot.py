"""The embedded search engine: alike in one generation, with a delta, and in a delta of many segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import Engine

from indexing.building import Builder
from indexing.lane import EmbeddingLane
from indexing.pool import Pool
from indexing.records import Document, Trajectory
from indexing.segment import DocumentSegment, TrajectorySegment
from indexing.settings import CollectionSettings
from indexing.snapshot import Snapshot
from indexing.store.database import open_database
from indexing.store.vectors import VectorCache
from tests.contract.search_engine import EMBEDDER, Build, SearchEngineContract
from tests.support.collections import analyzer, trajectory


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> EmbeddingLane:
    engine: Engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('vectors')}/vectors.db")
    return EmbeddingLane(EMBEDDER, VectorCache(engine))


@pytest.fixture(scope="module")
def builder(lane: EmbeddingLane) -> Builder:
    return Builder(CollectionSettings(documents_engine="dense"), analyzer(), lane)


def segment(builder: Builder, records: Sequence[Trajectory]) -> TrajectorySegment:
    return builder.trajectories([builder.analyzer.trajectory(one, 1) for one in records])


def snapshot(
    builder: Builder, runs: Sequence[Sequence[Trajectory]], dead: Sequence[frozenset[int]] = ()
) -> Snapshot:
    pool: Pool[TrajectorySegment] = Pool([segment(builder, run) for run in runs], dead)
    none: Pool[DocumentSegment] = Pool([], [])
    return Snapshot("g", builder.settings, builder.analyzer, pool, none)


@pytest.fixture(scope="module")
def build(builder: Builder) -> Build:
    def builds(records: Sequence[Trajectory]) -> Sequence[Snapshot]:
        half = len(records) // 2
        return [
            snapshot(builder, [records]),
            snapshot(builder, [records[half:], records[:half]]),
            snapshot(builder, [[], *([one] for one in reversed(records))]),
            *([snapshot(builder, [])] if not records else []),
        ]

    return builds


class TestSnapshot(SearchEngineContract):
    pass


def test_dead_records_are_in_no_answer(builder: Builder) -> None:
    run = [trajectory(name, "Find red", [("red square", "click")]) for name in "abc"]
    found = snapshot(builder, [run, run[:1]], [frozenset({0, 2})])
    scope = found.scope((), ())
    assert [found.trajectories.id(number) for number in np.flatnonzero(scope).tolist()] == ["b", "a"]
    vector = EMBEDDER.encode_query("Find red")
    for hits in (
        found.search_dense("instruction", vector, 9, scope),
        found.search_dense("outline", vector, 9, scope),
        found.search_lexical("instruction", ["red"], 9, scope),
        found.search_lexical("trajectory", ["red"], 9, scope),
    ):
        assert hits.numbers.tolist() == [3, 1]
    assert found.trajectories.number("a") == 3
    assert found.trajectories.number("c") is None


def test_ties_are_told_by_id_however_many_there_are(builder: Builder) -> None:
    words = ["find", "the", "red", "square", "now"]
    run = [trajectory(f"{n:03}", " ".join(words[n % 5 :] + words[: n % 5])) for n in range(200)]
    vector = EMBEDDER.encode_query(" ".join(words))
    shuffled = [run[n * 77 % 200] for n in range(200)]
    for found in (
        snapshot(builder, [run]),
        snapshot(builder, [shuffled[:90], shuffled[90:]]),
        snapshot(builder, [[one] for one in shuffled[:40]] + [shuffled[40:]]),
    ):
        scope = found.scope((), ["000"])
        fields = (
            found.search_dense("instruction", vector, 7, scope),
            found.search_lexical("instruction", words, 7, scope),
        )
        for hits in fields:
            names = [found.trajectories.id(number) for number in hits.numbers.tolist()]
            assert names == [f"{n:03}" for n in range(1, 8)]


def test_nearest_documents_by_cosine_ties_by_id(builder: Builder) -> None:
    texts = {"b": "red square", "a": "square red", "c": "blue", "d": "red red blue"}
    made = {id: builder.analyzer.document(Document(id, "", text), 1) for id, text in texts.items()}
    none: Pool[TrajectorySegment] = Pool([], [])
    for runs in ("abcd", "cd", "d"), ("abcd",), ("a", "b", "c", "d"):
        distinct = [[made[id] for id in run if id not in "".join(runs[:n])] for n, run in enumerate(runs)]
        pool: Pool[DocumentSegment] = Pool([builder.documents(run) for run in distinct], [])
        found = Snapshot("g", builder.settings, builder.analyzer, none, pool)
        hits = found.search_documents(EMBEDDER.encode_query("Red square"), 3, pool.alive)
        assert [pool.id(number) for number in hits.numbers.tolist()] == ["a", "b", "d"]


def test_a_scope_can_not_be_changed_by_who_was_given_it(builder: Builder) -> None:
    found = snapshot(builder, [[trajectory("a")]])
    with pytest.raises(ValueError, match="read-only"):
        found.scope((), ())[0] = False
