"""Where the task's own words stand in an observation, and that nothing else is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.focus import PARTS, WORDS, focus, task_words
from retrievers.slots import plain

BALL = task_words(plain("Go to the red ball, then pick it up."))


def test_words_that_say_nothing_of_the_task_are_left_out() -> None:
    assert task_words(plain("Put 2 of the red balls in my box")) == {"2", "red", "balls", "box"}


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        ("You see a wall.", ""),
        ("", ""),
        ("- a red ball 3 steps ahead\n- a wall", "a <i> # steps ahead"),
        ("- a red door\n- a red ball\n- a green ball", "a <i>"),
        ("On the shelf, you see a ball 1, and a red mug 2.", "and a <i> mug #|you see a <i> #"),
        ("pick a number", "<i> a number"),
    ],
)
def test_the_parts_with_most_of_the_words_are_told(observation: str, expected: str) -> None:
    assert focus(BALL, observation) == expected


def test_without_words_there_is_nothing_to_look_for() -> None:
    assert focus(task_words(plain("do it")), "do it") == ""


@given(st.text(), st.text())
def test_it_is_short_whatever_is_seen(instruction: str, observation: str) -> None:
    found = focus(task_words(plain(instruction)), observation).split("|")
    assert len(found) <= PARTS
    assert all(len(part.split()) <= WORDS for part in found)


@given(st.permutations(["a red lamp", "the ball", "a door"]))
def test_the_order_of_lines_counts_for_nothing(lines: list[str]) -> None:
    assert focus(BALL, "\n".join(lines)) == "a <i> lamp|the <i>"
