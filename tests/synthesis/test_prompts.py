from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.records import Step, Trajectory
from retrievers.query_writers.text import fenced
from synthesis.errors import Unreadable
from synthesis.prompts import (
    MOST_OBSERVATION_CHARS,
    TOLD_STEPS,
    Told,
    bare,
    middle_cut,
    telling,
    told_in,
)

HOSTILE = st.sampled_from(
    ("Action 9:", "| no", "=== span 00 ===", "(3 steps left out)", "a", "", "\n", "\r", "```")
)
TEXTS = st.lists(HOSTILE | st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6).map(
    "\n".join
)
STEPS = st.lists(st.builds(Step, TEXTS, TEXTS), min_size=1, max_size=8)


@given(STEPS, TEXTS)
def test_what_is_told_is_read_back_whatever_the_texts_say(steps: list[Step], last: str) -> None:
    prompt = fenced("span", telling(Trajectory("", "", tuple(steps), last))) + "\nAction 7:\nDo it."
    observations = [*(step.observation for step in steps), last]
    assert told_in(prompt).observations == dict(enumerate(observations))
    told = told_in(fenced("span", telling(Trajectory("", "", tuple(steps), last))))
    assert told == Told(dict(enumerate(observations)), dict(enumerate((step.action for step in steps), 1)))


@given(TEXTS)
def test_no_text_holds_its_own_mark(text: str) -> None:
    opening, *inside, closing = fenced("span", text).split("\n")
    assert opening == closing
    assert opening not in inside


@given(TEXTS, st.integers(1, 20))
def test_a_cut_text_keeps_its_ends_and_says_what_it_lacks(text: str, most: int) -> None:
    cut = middle_cut(text, most)
    if len(text) <= most:
        assert cut == text
    else:
        assert cut.startswith(text[: most - most // 2])
        assert f"[… {len(text) - most} characters left out …]" in cut
        assert cut.endswith(f"\n{text[len(text) - most // 2 :]}")


def test_a_long_trajectory_is_told_by_its_ends() -> None:
    steps = tuple(Step(f"seen {number} " * 2_000, f"do {number}") for number in range(1_000))
    text = telling(Trajectory("", "", steps, "the end"))
    told = told_in(text)
    half = TOLD_STEPS // 2
    assert [told.actions[1], told.actions[half], told.actions[1_000 - half + 1], told.actions[1_000]] == [
        "do 0", f"do {half - 1}", f"do {1_000 - half}", "do 999",
    ]  # fmt: skip
    assert len(told.actions) == TOLD_STEPS
    assert told.observations[1_000] == "the end"
    assert f"({1_000 - TOLD_STEPS} steps left out)" in text
    assert len(text) < 60_000


def test_few_observations_are_told_at_more_length() -> None:
    told = told_in(telling(Trajectory("", "", (Step("x" * 9_999, "y" * 9_999),), None)))
    assert told.observations[0].count("x") == MOST_OBSERVATION_CHARS
    assert "[… 9499 characters left out …]" in told.actions[1]
    assert 1 not in told.observations


def test_an_answer_is_undressed_of_thinking_and_fence() -> None:
    assert bare("<think>it {may} be\n```x```</think>\nSure:\n```json\n{}\n```\nDone.") == "{}"
    assert bare("``` \nopen ```") == "``` \nopen ```"
    assert bare(" plain \ud800\0") == "plain ?"


def test_an_absurdly_long_answer_is_not_read() -> None:
    with pytest.raises(Unreadable, match="an answer of 140000 characters"):
        bare("<think>" * 20_000)
