"""Each strategy on situations made to tell right from wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from indexing.embedder import Vectors
from indexing.errors import EmbeddingFailed
from indexing.filters import parse_filter
from indexing.lane import EmbeddingLane
from indexing.records import Document, Step, Trajectory
from retrievers.agentic import _varied
from retrievers.requests import Answer, Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from tests.support.collections import trajectory
from tests.support.retrieval import ask, ids, make_lane, take


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> EmbeddingLane:
    return make_lane(tmp_path_factory.mktemp("vectors"))


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


def test_without_an_observation_who_was_told_the_same_comes_before_the_many(lane: EmbeddingLane) -> None:
    many = [
        trajectory(f"m{n}", f"Buy {n} apples in the shop", [("the shop", "open cart"), ("cart", f"buy {n}")])
        for n in range(20)
    ]
    others = [
        trajectory("repository", "Delete the repository foo", [("settings", "click delete")]),
        trajectory("zone", "Change the time zone of my profile to UTC", [("profile", "click zone")]),
    ]
    for told, wanted in (
        ("Delete the repository foo", "repository"),
        ("Change the time zone of my profile to CET", "zone"),
    ):
        answer = ask(lane, [*many, *others], Situation(told, (), None), "agentic")
        assert ids(answer)[0] == wanted


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


def test_who_alone_saw_the_same_is_shown_first_whatever_the_task(lane: EmbeddingLane) -> None:
    records = [
        trajectory(
            f"{n:04}",
            f"Do {n % 9} with {n % 5}",
            [(f"page {n % 31} item {step} of {n}", f"click {n % 7}") for step in range(3)],
        )
        for n in range(300)
    ]
    done = tuple(Step(f"page 9 item {step} of 133", "click 0") for step in range(2))
    for history in ((), done):
        situation = Situation("Do 3 with 4", history, "page 9 item 2 of 133")
        answer = ask(lane, records, situation, "agentic", Limits(total=3), ["do 3 with 4"])
        assert ids(answer)[0] == "0133"
        assert match(answer) == ("exact", 2, "click 0")


def test_of_those_who_advise_the_same_the_one_with_our_task_is_shown(lane: EmbeddingLane) -> None:
    tasks = ["mow the lawn", "water the roses", "feed the grey cat", "wash the car", "feed the black cat"]
    records = [
        trajectory(f"{n}", task, [("a hall", "open door"), (f"room {n}", f"use {n}")])
        for n, task in enumerate(tasks)
    ]
    for told in (tasks[2], "feed the white cat"):
        answer = ask(lane, records, Situation(told, (), "a hall"), "agentic", Limits(total=1), [told])
        assert ids(answer)[0] in {"2", "4"}
        assert match(answer) == ("exact", 0, "open door")


def test_one_of_each_advice_comes_first_and_no_trajectory_twice() -> None:
    order, choice = np.array([1, 0, 2, 4, 3]), np.array([0, 0, 1, 1, 0])
    owners = np.array([10, 11, 11, 12, 13])
    assert list(_varied(order, choice, owners)) == [1, 3, 0, 4]


def test_successes_come_before_failures_of_the_same_fit(lane: EmbeddingLane) -> None:
    records = [
        trajectory("a", outcome={"success": False}),
        trajectory("b"),
        trajectory("c", outcome={"success": True}),
    ]
    assert ids(ask(lane, records, Situation("Find it", (), "o"), "observation")) == ["c", "b", "a"]


@pytest.mark.parametrize("strategy", ["observation", "paper", "agentic"])
def test_without_the_model_channel_nothing_is_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    lane = make_lane(tmp_path)
    snapshot = take(lane, commonplace(5))

    def embed(texts: Sequence[str]) -> Vectors:
        raise AssertionError(f"embedded {texts}")

    monkeypatch.setattr(lane.embedder, "encode_query", embed)
    situation = Situation("Archive the folder number 3", (), "OK.")
    request = Request(situation, strategy, (Query("archive", "agent"),), Limits(model=0))
    assert retrieve(snapshot, lane, request).demonstrations
    with pytest.raises(EmbeddingFailed):
        retrieve(snapshot, lane, replace(request, limits=Limits(), strategy="model"))


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
        ("a", "final", None),
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


def test_a_word_that_most_documents_have_does_not_count_against_one(lane: EmbeddingLane) -> None:
    documents = [
        Document("mail", "", "The mail of today. The list is sorted by date."),
        Document("zone", "", "To change the time zone open the settings."),
    ]
    answer = retrieve(
        take(lane, (), documents), lane, Request(Situation("change the time zone", (), None), "documents")
    )
    assert [one.id for one in answer.documents] == ["zone", "mail"]


def test_documents_stand_in_the_same_order_however_they_came(lane: EmbeddingLane) -> None:
    chance = random.Random(3)
    common = [f"w{n}" for n in range(40)]
    told = []
    for n in range(300):
        rare = [f"r{int(chance.paretovariate(0.5)) % 300}" for _ in range(3)]
        told.append(Document(f"{n:03}", "", " ".join(chance.choices(common, k=30) + rare)))
    limits = Limits(documents=300)
    request = Request(Situation(" ".join(chance.sample(common, 10))), "documents", limits=limits)
    answers = []
    for _ in range(5):
        chance.shuffle(told)
        found = retrieve(take(lane, (), told), lane, request).documents
        answers.append([(one.score, one.id) for one in found])
    assert answers == answers[:1] * 5


def test_one_document_is_found_though_its_words_have_no_weight(lane: EmbeddingLane) -> None:
    snapshot = take(lane, (), [Document("a", "", "sell shoes")])
    answer = retrieve(snapshot, lane, Request(Situation("sell"), "documents"))
    assert [one.id for one in answer.documents] == ["a"]
