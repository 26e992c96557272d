"""The strategy `paper`: Algorithm 2 as it is printed."""

from __future__ import annotations

import numpy as np
import pytest

from indexing.lane import EmbeddingLane
from retrievers.requests import Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from tests.support.collections import trajectory
from tests.support.retrieval import ask, ids, make_lane, take


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> EmbeddingLane:
    return make_lane(tmp_path_factory.mktemp("vectors"))


def test_paper_shows_m1_by_observation_then_m2_by_the_model(lane: EmbeddingLane) -> None:
    records = [trajectory(f"o{n}", "See it", [("page", f"act {n}")]) for n in range(4)]
    records += [trajectory(f"m{n}", "Buy shoes online", [(f"shop {n}", "buy")]) for n in range(4)]
    situation = Situation("Buy shoes", (), "page")
    answer = ask(lane, records, situation, "paper", Limits(observation=2, model=3), ["buy shoes online"])
    assert [one.channel for one in answer.demonstrations] == ["observation"] * 2 + ["model"] * 3
    assert ids(answer) == ["o0", "o1", "m0", "m1", "m2"]
    cut = ask(
        lane, records, situation, "paper", Limits(observation=2, model=3, total=3), ["buy shoes online"]
    )
    assert ids(cut) == ["o0", "o1", "m0"]


def test_paper_never_shows_one_twice_and_fills_the_model_channel(lane: EmbeddingLane) -> None:
    records = [
        trajectory(f"t{n}", "Buy shoes", [("page" if n < 3 else f"shop {n}", "buy")]) for n in range(6)
    ]
    answer = ask(lane, records, Situation("Buy shoes", (), "page"), "paper", Limits(3, 3), ["buy shoes"])
    assert ids(answer) == ["t0", "t1", "t2", "t3", "t4", "t5"]


def test_papers_model_channel_is_a_dense_retriever_alone(lane: EmbeddingLane) -> None:
    told = ["Buy red shoes", "Sell the shoes", "Buy a red hat", "Read about shoes, hats and gloves", "Sleep"]
    snapshot = take(lane, [trajectory(f"t{n}", words, [("shop", "buy")]) for n, words in enumerate(told)])
    everywhere = np.ones(len(snapshot.trajectories.rank), bool)
    for asked in (["shoes and a hat in red"], ["red shoes", "sleep well"]):
        queries = tuple(Query(text, "agent") for text in asked)
        limits = Limits(observation=0, model=5)
        answer = retrieve(snapshot, lane, Request(Situation("Shop"), "paper", queries, limits))
        near = [snapshot.search_dense("outline", lane.query(text), 5, everywhere) for text in asked]
        cosines = {
            snapshot.trajectory(number).id: max(hits.scores[hits.numbers == number][0] for hits in near)
            for number in range(5)
        }
        assert {one.kind for one in answer.demonstrations} == {"dense"}
        assert {one.id: one.score for one in answer.demonstrations} == pytest.approx(cosines, abs=1e-6)
        if len(asked) == 1:
            assert ids(answer) == sorted(cosines, key=lambda name: -cosines[name])
