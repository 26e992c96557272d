"""Each strategy on situations made to tell right from wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.filters import parse_filter
from indexing.lane import EmbeddingLane
from indexing.records import Document, Step, Trajectory
from retrievers.budget import Meter
from retrievers.fusion import reciprocal_rank_fusion
from retrievers.rendering import render_prompt
from retrievers.requests import Answer, Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from retrievers.strategies import STRATEGIES, needs_query
from retrievers.windows import window
from tests.support.collections import trajectory
from tests.support.retrieval import make_lane, take


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> EmbeddingLane:
    return make_lane(tmp_path_factory.mktemp("vectors"))


def ask(
    lane: EmbeddingLane,
    records: Sequence[Trajectory],
    situation: Situation,
    strategy: str = "agentic",
    limits: Limits | None = None,
    queries: Sequence[str] = (),
    **more: object,
) -> Answer:
    asked = tuple(Query(text, "agent") for text in queries)
    request = Request(situation, strategy, asked, limits or Limits(), **more)  # type: ignore[arg-type]
    return retrieve(take(lane, records), lane, request)


def ids(answer: Answer) -> list[str]:
    return [one.id for one in answer.demonstrations]


def match(answer: Answer) -> tuple[str, int | None, str | None]:
    one = answer.demonstrations[0]
    return one.kind, one.step, one.next_action


# What is common is ranked by the rest of the situation


def commonplace(count: int) -> list[Trajectory]:
    """Trajectories that all see "OK." after something was typed, in the reverse order of their ids."""
    return [
        trajectory(
            f"{count - n:04}",
            f"Archive the folder number {n}",
            [("start", f"open {n}"), ("OK.", f"type {n}"), ("OK.", f"send {n}"), ("OK.", "stop")],
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("strategy", ["observation", "paper", "agentic"])
def test_an_observation_of_hundreds_is_ranked_by_instruction_and_last_actions(
    lane: EmbeddingLane, strategy: str
) -> None:
    records = commonplace(300)
    history = (Step("start", "open 7"), Step("OK.", "type 7"))
    situation = Situation("Archive the folder number 7", history, "OK.")
    answer = ask(lane, records, situation, strategy, Limits(model=0))
    assert ids(answer)[0] == "0293"
    assert match(answer) == ("exact", 2, "send 7")
    told = ask(lane, records, Situation("Archive the folder number 42", (), "OK."), strategy, Limits(model=0))
    assert ids(told)[0] == "0258"
    acted = ask(lane, records, Situation(None, history, "OK."), strategy, Limits(model=0))
    assert match(acted) == ("exact", 2, "send 7")


def test_successes_come_before_failures_of_the_same_fit(lane: EmbeddingLane) -> None:
    records = [
        trajectory("a", outcome={"success": False}),
        trajectory("b"),
        trajectory("c", outcome={"success": True}),
    ]
    assert ids(ask(lane, records, Situation("Find it", (), "o"), "observation")) == ["c", "b", "a"]


# How the aligned step's observation compares


def test_exact_comes_before_normalized_before_similar(lane: EmbeddingLane) -> None:
    records = [
        trajectory("a", steps=[("a red square here", "x")]),
        trajectory("b", steps=[("a  red square", "y")]),
        trajectory("c", steps=[("a red square", "z")]),
        trajectory("d", steps=[("a circle is what you see", "w")]),
    ]
    answer = ask(lane, records, Situation(None, (), "a red square"), "observation")
    assert [(one.id, one.kind) for one in answer.demonstrations] == [
        ("c", "exact"),
        ("b", "normalized"),
        ("a", "near"),
        ("d", "lexical"),
    ]
    scores = [one.score for one in answer.demonstrations]
    assert scores[:2] == [1.0, 1.0]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("strategy", ["agentic", "model"])
def test_what_was_seen_at_the_end_does_not_pass_for_the_step_that_is_shown(
    lane: EmbeddingLane, strategy: str
) -> None:
    one = trajectory(
        "a", steps=[("login page", "log in"), ("empty form", "send")], final_observation="Thank you"
    )
    answer = ask(lane, [one], Situation("Find it", (), "Thank you"), strategy, queries=["find it"])
    kind, step, action = match(answer)
    assert (kind in {"exact", "normalized", "near"}, step, action) == (False, 0, "log in")


def test_an_end_that_is_equal_is_the_last_of_the_equal_ones(lane: EmbeddingLane) -> None:
    ended = trajectory("a", steps=[("b", "x")], final_observation="page")
    midway = trajectory("b", steps=[("page ", "click")])
    answer = ask(lane, [ended, midway], Situation("Find it", (), "page"), "observation")
    assert [(one.id, one.kind, one.step) for one in answer.demonstrations] == [
        ("b", "normalized", 0),
        ("a", "exact", None),
    ]
    assert answer.demonstrations[1].next_action is None


def test_a_step_with_more_of_the_same_words_is_not_equal(lane: EmbeddingLane) -> None:
    repeated = "red square " * 6
    one = trajectory("a", steps=[("red square", "first"), (repeated, "second")])
    others = [trajectory(f"x{n}", steps=[("long words " * 40, "no")]) for n in range(5)]
    situation = Situation("Find it", (Step("start", "first"),), "red square")
    answer = ask(lane, [one, *others], situation, queries=["red"])
    shown = next(found for found in answer.demonstrations if found.id == "a")
    assert (shown.kind in {"exact", "normalized"}) == (shown.step == 0)


def test_an_empty_observation_is_one_and_none_is_none(lane: EmbeddingLane) -> None:
    records = [trajectory("a", steps=[("", "wake")]), trajectory("b", steps=[("o", "x")])]
    answer = ask(lane, records, Situation("Find it", (), ""), "observation")
    assert ids(answer) == ["a"]
    assert match(answer) == ("exact", 0, "wake")
    assert ids(ask(lane, records, Situation("Find it"), "observation")) == []
    assert set(ids(ask(lane, records, Situation("Find it"), "agentic", queries=["find it"]))) == {"a", "b"}


# Algorithm 2


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


# Baselines


def test_random_is_drawn_by_the_request(lane: EmbeddingLane) -> None:
    records = [trajectory(f"t{n:02}") for n in range(40)]
    draws = {
        tuple(ids(ask(lane, records, Situation(f"task {n}"), "random", Limits(total=5)))) for n in range(8)
    }
    assert len(draws) == 8
    again = [ids(ask(lane, order, Situation("task"), "random")) for order in (records, records[::-1])]
    assert again[0] == again[1]


def test_instruction_shows_the_nearest_tasks(lane: EmbeddingLane) -> None:
    records = [trajectory("a", "Buy shoes"), trajectory("b", "Sell shoes now"), trajectory("c", "Sleep")]
    answer = ask(lane, records, Situation("Sell shoes"), "instruction", Limits(total=2))
    assert ids(answer) == ["b", "a"]
    assert {(one.channel, one.kind, one.step) for one in answer.demonstrations} == {
        ("instruction", "dense", None)
    }


@pytest.mark.parametrize("engine", ["rank-bm25", "dense"])
def test_documents_are_ranked_and_filtered(lane: EmbeddingLane, engine: str) -> None:
    told = [
        Document("a", "Shoes", "How to sell shoes", metadata={"site": "x"}),
        Document("b", "Shoes", "How to buy shoes", metadata={"site": "y"}),
        Document("c", "", "Nothing of that"),
    ]
    snapshot = take(lane, [trajectory("t")], told, engine=engine)
    request = Request(Situation("sell shoes"), "documents", limits=Limits(documents=2))
    answer = retrieve(snapshot, lane, request)
    assert [one.id for one in answer.documents] == ["a", "b"]
    assert answer.demonstrations == ()
    filtered = replace(request, conditions=parse_filter({"site": "y"}))
    assert [one.id for one in retrieve(snapshot, lane, filtered).documents] == ["b"]
    assert retrieve(snapshot, lane, replace(request, limits=Limits(documents=0))).documents == ()


def test_one_document_is_found_though_its_words_have_no_weight(lane: EmbeddingLane) -> None:
    snapshot = take(lane, (), [Document("a", "", "sell shoes")])
    answer = retrieve(snapshot, lane, Request(Situation("sell"), "documents"))
    assert [one.id for one in answer.documents] == ["a"]


# Deadlines, budgets, nothing there


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
