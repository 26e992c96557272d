"""What fits and what doesn't: deadlines, token budgets, windows, and nothing there at all."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.lane import EmbeddingLane
from indexing.records import Document
from retrievers.budget import Meter
from retrievers.fusion import reciprocal_rank_fusion
from retrievers.rendering import render_prompt
from retrievers.requests import Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from retrievers.strategies import STRATEGIES, needs_query
from retrievers.windows import window
from tests.support.collections import trajectory
from tests.support.retrieval import ask, ids, make_lane, take


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> EmbeddingLane:
    return make_lane(tmp_path_factory.mktemp("vectors"))


@pytest.mark.parametrize("engine", ["rank-bm25", "dense"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_passed_deadline_degrades_and_never_fails(lane: EmbeddingLane, strategy: str, engine: str) -> None:
    records = [trajectory("a", steps=[("page", "click")])]
    snapshot = take(lane, records, [Document("d", "", "find it there")], engine=engine)
    situation = Situation("Find it by the deadline", (), "page")
    queries = (Query(f"never asked before {strategy} {engine}", "agent"),)
    late = replace(situation, instruction=f"Find it by the deadline of {strategy} {engine}")
    answer = retrieve(snapshot, lane, Request(late, strategy, queries, deadline=time.monotonic() - 1))
    embeds = strategy in {"agentic", "paper", "model", "instruction"} or (strategy, engine) == (
        "documents",
        "dense",
    )
    assert answer.degraded == (("embedding:deadline",) if embeds else ())
    if strategy in {"agentic", "paper", "observation"}:
        assert ids(answer) == ["a"]
    if strategy == "documents":
        assert [one.id for one in answer.documents] == ["d"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_empty_collection_gives_empty_answers(lane: EmbeddingLane, strategy: str) -> None:
    situation = Situation("Find it", (), "page")
    for snapshot in (take(lane), take(lane, (), [Document("d", "", "unlike")])):
        answer = retrieve(snapshot, lane, Request(situation, strategy, (Query("q", "agent"),), render=True))
        assert (answer.demonstrations, answer.documents, answer.prompt, answer.tokens) == ((), (), "", 0)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_tokens_no_demonstrations(lane: EmbeddingLane, strategy: str) -> None:
    snapshot = take(lane, [trajectory("a")], [Document("d", "", "find it")])
    request = Request(
        Situation("Find it", (), "o"), strategy, (Query("q", "agent"),), Limits(tokens=0), render=True
    )
    answer = retrieve(snapshot, lane, request)
    assert (answer.demonstrations, answer.documents, answer.tokens) == ((), (), 0)


def test_whole_trajectories_are_whole_or_left_out(lane: EmbeddingLane) -> None:
    records = [
        trajectory("a", "Buy shoes", [("word " * 100, "x")] * 3),
        trajectory("b", "Buy shoes", [("page", "y")]),
    ]
    for strategy in ("paper", "instruction", "random"):
        limits = Limits(tokens=120)
        answer = ask(lane, records, Situation("Buy shoes", (), "page"), strategy, limits, ["buy shoes"])
        assert ids(answer) == ["b"]


def test_a_long_trajectory_is_shown_around_the_step_that_matters(lane: EmbeddingLane) -> None:
    steps = [(f"page {n} " + "word " * 20, f"act {n}") for n in range(30)]
    answer = ask(
        lane,
        [trajectory("a", steps=steps)],
        Situation(None, (), steps[17][0]),
        "observation",
        Limits(tokens=200),
    )
    (one,) = answer.demonstrations
    indexes = [shown.index for shown in one.steps]
    assert 17 in indexes
    assert 1 < len(indexes) < 10
    assert indexes[-1] - 17 >= 17 - indexes[0]
    assert (one.step, one.next_action, one.length) == (17, "act 17", 30)


def test_a_long_trajectory_is_whole_where_all_fit(lane: EmbeddingLane) -> None:
    long = trajectory("a", "Find it", steps=[(f"page {n} of many", f"press {n}") for n in range(40)])
    short = [trajectory(f"b{n}", "Find it", steps=[(f"page {n} of many", f"pull {n}")]) for n in range(4)]
    situation = Situation("Find it", (), "page 7 of many")
    for strategy in ("agentic", "observation", "model"):
        answer = ask(lane, [long, *short], situation, strategy, Limits(tokens=1_000), ["find it"])
        assert {one.id: len(one.steps) for one in answer.demonstrations}["a"] == 40
        less = ask(lane, [long, *short], situation, strategy, Limits(tokens=answer.tokens - 1), ["find it"])
        assert ids(less) == ids(answer)
        assert [len(one.steps) for one in less.demonstrations if one.id != "a"] == [1] * (len(ids(less)) - 1)


def test_a_long_trajectory_that_ends_alike_is_shown_to_its_end(lane: EmbeddingLane) -> None:
    steps = [(f"page {n} " + "word " * 20, f"act {n}") for n in range(30)]
    one = trajectory("a", steps=steps, final_observation="Thank you")
    answer = ask(lane, [one], Situation(None, (), "Thank you"), "observation", Limits(tokens=200))
    assert answer.demonstrations[0].steps[-1].index == 29


@pytest.mark.parametrize("counts", ["words", "minilm"])
def test_a_giant_observation_is_cut_in_the_middle_and_says_so(lane: EmbeddingLane, counts: str) -> None:
    giant = "begin " + "word " * 50_000 + "end"
    snapshot = take(lane, [trajectory("a", steps=[(giant, "click")])], counts=counts)
    request = Request(Situation(None, (), giant), "observation", limits=Limits(tokens=500), render=True)
    answer = retrieve(snapshot, lane, request)
    (one,) = answer.demonstrations
    (shown,) = one.steps
    assert shown.truncated
    assert shown.step.observation.startswith("begin word")
    assert shown.step.observation.endswith("word end")
    assert 300 < answer.tokens <= 500
    assert answer.to_fields()["demonstrations"][0]["steps"][0]["truncated"] is True


def test_what_was_shown_and_still_fits_is_kept_by_name(lane: EmbeddingLane) -> None:
    records = [trajectory(f"t{n}", steps=[("page", f"x{n}")]) for n in range(4)]
    situation = Situation("Find it", (), "page")
    answer = ask(
        lane, records, situation, "observation", Limits(total=3), shown=("t1", "t3", "gone"), exclude=("t0",)
    )
    assert ids(answer) == ["t2"]
    assert answer.keep == ("t1", "t3")


def test_variety_of_next_actions_comes_first(lane: EmbeddingLane) -> None:
    records = [trajectory(f"a{n}", steps=[("page", "click")]) for n in range(5)]
    records.append(trajectory("z", steps=[("page", "scroll")]))
    answer = ask(lane, records, Situation("Find it", (), "page"), limits=Limits(total=3), queries=["find it"])
    assert {one.next_action for one in answer.demonstrations[:2]} == {"click", "scroll"}


def test_a_query_is_written_where_a_channel_wants_it() -> None:
    wanting = {name for name in STRATEGIES if needs_query(name, Limits())}
    assert wanting == {"agentic", "paper", "model"}
    for limits in (Limits(model=0), Limits(total=0), Limits(tokens=0)):
        assert not any(needs_query(name, limits) for name in STRATEGIES)


# The pure parts


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.data())
def test_a_window_is_around_its_centre_within_its_budget_and_can_not_grow(
    costs: list[int], data: st.DataObject
) -> None:
    centre = data.draw(st.integers(0, len(costs) - 1))
    budget = data.draw(st.integers(0, 40))
    kept = window(costs, centre, budget)
    spent = sum(costs[kept.start : kept.stop])
    assert spent <= budget or not kept
    assert (centre in kept) == (costs[centre] <= budget)
    if kept:
        assert kept.start == 0 or spent + costs[kept.start - 1] > budget
        assert kept.stop == len(costs) or spent + costs[kept.stop] > budget


@given(st.lists(st.lists(st.sampled_from("abcd"), unique=True), max_size=4))
def test_fusion_adds_one_over_sixty_and_the_rank(rankings: list[list[str]]) -> None:
    fused = reciprocal_rank_fusion(rankings)
    for item in "abcd":
        ranks = [ranking.index(item) + 1 for ranking in rankings if item in ranking]
        assert fused.get(item, 0.0) == pytest.approx(sum(1 / (60 + rank) for rank in ranks))


def test_nothing_to_show_is_an_empty_prompt(lane: EmbeddingLane) -> None:
    assert render_prompt([], []) == ""
    meter = Meter(take(lane).analyzer.tokenizer)
    assert meter.additive
    assert meter.text("a b") == 2
