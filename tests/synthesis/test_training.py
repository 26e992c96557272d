"""Trajectories as pairs to train on: every step once, within the limit, nothing cut without need."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from indexing.records import Step, Trajectory
from indexing.tokens import tokenizer
from retrievers.situation import Situation
from synthesis.acting import SYSTEM, acting_prompt
from synthesis.training import MESSAGE_TOKENS, MOST_TOKENS, Count, examples, failed

WORDS = tokenizer("words").count
MINILM = tokenizer("minilm").count
ROOMS = Trajectory(
    "rooms",
    "find the lamp",
    (
        Step("You are in the hall. A door is north.", "go north"),
        Step("You are in the kitchen.\nA lamp is here.", "take lamp", thought="there it is"),
    ),
    "You have the lamp.",
)

texts = some.text(some.sampled_from("ab é\n=|0"), max_size=60) | some.text(max_size=20)
long_texts = some.builds(lambda text, times: text * times, texts, some.sampled_from((1, 1, 40)))
trajectories = some.builds(
    Trajectory,
    some.just("t"),
    texts,
    some.lists(some.builds(Step, long_texts, texts), min_size=1, max_size=12).map(tuple),
    some.none() | texts,
)


def cost(example: dict[str, Any], count: Count) -> int:
    return sum(count([message["content"] for message in example["messages"]])) + 3 * MESSAGE_TOKENS


def content(example: dict[str, Any], role: str) -> str:
    (found,) = (message["content"] for message in example["messages"] if message["role"] == role)
    return str(found)


def test_a_pair_is_what_was_seen_and_what_was_done() -> None:
    first, second = examples(ROOMS, MOST_TOKENS, WORDS)
    assert (first["id"], first["step"], second["step"]) == ("rooms", 0, 1)
    assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant"]
    assert content(second, "system") == SYSTEM
    assert content(second, "assistant") == "take lamp"
    shown = content(second, "user").split("\n")
    assert shown[1:-2] == [
        "Task: find the lamp",
        "Observation: You are in the hall. A door is north.",
        "Action: go north",
        "Observation: You are in the kitchen.",
        "A lamp is here.",
    ]
    assert shown[-1] == "The next action:"


def test_short_trajectories_are_shown_as_an_acting_model_sees_them() -> None:
    for index, example in enumerate(examples(ROOMS, MOST_TOKENS, WORDS)):
        here = Situation(ROOMS.instruction, ROOMS.steps[:index], ROOMS.steps[index].observation)
        assert content(example, "user") == acting_prompt(here, None, "")


def test_what_comes_after_a_step_is_not_in_its_prompt() -> None:
    for example in examples(ROOMS, MOST_TOKENS, WORDS):
        assert "You have the lamp" not in json.dumps(example)
        assert "there it is" not in json.dumps(example)


@given(trajectories)
@settings(max_examples=60, deadline=None)
def test_within_a_wide_limit_every_step_is_there_once_and_whole(trajectory: Trajectory) -> None:
    pairs = list(examples(trajectory, 10**6, WORDS))
    assert [pair["step"] for pair in pairs] == list(range(len(trajectory.steps)))
    assert [content(pair, "assistant") for pair in pairs] == [step.action for step in trajectory.steps]
    last = content(pairs[-1], "user")
    assert "earlier steps)" not in last
    assert "left out …]" not in last
    assert json.loads(json.dumps(pairs)) == pairs


@pytest.mark.parametrize("count", [WORDS, MINILM], ids=["words", "minilm"])
@given(trajectory=trajectories, most=some.integers(1, 600))
@settings(max_examples=60, deadline=None)
def test_no_pair_is_over_the_limit_and_no_step_is_there_twice(
    count: Count, trajectory: Trajectory, most: int
) -> None:
    pairs = list(examples(trajectory, most, count))
    assert all(cost(pair, count) <= most for pair in pairs)
    steps = [pair["step"] for pair in pairs]
    assert steps == sorted(set(steps))


def walk(steps: int, last: str = "here") -> Trajectory:
    path = [Step(f"place {number}", f"go {number}") for number in range(steps)]
    return Trajectory("walk", "walk on", (*path, Step(last, "stop")))


def last_prompt(trajectory: Trajectory, most: int, count: Count = WORDS) -> str:
    *_, pair = examples(trajectory, most, count)
    assert pair["step"] == len(trajectory.steps) - 1
    assert cost(pair, count) <= most
    return content(pair, "user")


def test_the_oldest_steps_are_left_out_first_and_no_more_than_needed() -> None:
    trajectory = walk(40)
    *_, whole = examples(trajectory, MOST_TOKENS, WORDS)
    full = cost(whole, WORDS)
    most = full - 50
    prompt = last_prompt(trajectory, most)
    kept = prompt.count("Action: go ")
    assert f"({40 - kept} earlier steps)" in prompt
    assert "Observation: place 39\nAction: go 39\nObservation: here" in prompt
    a_step = 6
    assert most - a_step < WORDS([prompt])[0] + full - WORDS([content(whole, "user")])[0] <= most


def test_the_observation_is_cut_in_the_middle_once_no_history_is_left() -> None:
    last = " ".join(["BEGINNING", *["word"] * 2_000, "END"])
    prompt = last_prompt(walk(3, last), 500)
    assert "(3 earlier steps)" in prompt
    assert "Action: go" not in prompt
    assert "BEGINNING" in prompt
    assert "characters left out …]" in prompt
    assert prompt.split("\n")[-3].endswith("END")
    assert prompt.count("word") > 300


@pytest.mark.parametrize(
    "last",
    [" " * 100_000 + "x " * 900, "x " * 900 + " " * 100_000, "-" * 5_000, "x " * 900 + "y" * 100_000],
    ids=["blanks first", "blanks last", "signs", "one long word"],
)
def test_what_is_long_in_characters_and_short_in_tokens_is_cut_too(last: str) -> None:
    assert "left out …]" in last_prompt(walk(1, last), 400, MINILM)


def test_a_step_whose_instruction_alone_is_too_long_has_no_pair() -> None:
    long = Trajectory("long", "word " * 500, ROOMS.steps)
    assert list(examples(long, 400, WORDS)) == []


def test_each_prompt_is_counted_a_few_times_however_long_the_trajectory() -> None:
    counted = 0

    def count(texts: Sequence[str]) -> list[int]:
        nonlocal counted
        counted += sum(map(len, texts))
        return WORDS(texts)

    pairs = list(examples(walk(400), 600, count))
    assert len(pairs) == 401
    assert counted < 5 * sum(len(message["content"]) for pair in pairs for message in pair["messages"])


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [(None, False), ({}, False), ({"success": True}, False), ({"success": False}, True)],
)
def test_only_what_says_so_has_failed(outcome: dict[str, bool] | None, expected: bool) -> None:
    assert failed(Trajectory("t", "i", ROOMS.steps, outcome=outcome)) is expected
