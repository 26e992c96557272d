"""Steps that change nothing: dropped, before an instruction tells of them and anyone judges it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from indexing.records import Step, Trajectory
from synthesis.construction import CONSTRUCTIONS, construct
from synthesis.repeats import without_repeats
from synthesis.scripted import RuleSummariser
from synthesis.spans import Span
from tests.synthesis.tellers import asking, errand

WORDS = st.sampled_from(("a", "b"))
TRAJECTORIES = st.builds(
    Trajectory,
    st.just(""),
    WORDS,
    st.lists(st.builds(Step, WORDS, WORDS), max_size=8).map(tuple),
    st.none() | WORDS,
)


def moves(trajectory: Trajectory) -> list[tuple[str, str | None]]:
    """What the paper compares: each action with the observation that came of it."""
    after = [*(step.observation for step in trajectory.steps[1:]), trajectory.final_observation]
    return [(step.action, seen) for step, seen in zip(trajectory.steps, after, strict=True)]


@given(TRAJECTORIES)
def test_moves_that_repeat_the_one_before_are_dropped_and_no_other(trajectory: Trajectory) -> None:
    expected: list[tuple[str, str | None]] = []
    for move in moves(trajectory) if trajectory.steps else []:
        if not expected or move != expected[-1]:
            expected.append(move)
    left = without_repeats(trajectory)
    assert (moves(left) if left.steps else []) == expected
    assert left.steps[:1] == trajectory.steps[:1]
    assert left.final_observation == trajectory.final_observation
    assert without_repeats(left) is left


def test_a_door_that_stays_shut_is_tried_once() -> None:
    shut = Step("shut", "push")
    tried = Trajectory("t", "Leave", (shut, shut, shut, Step("shut", "pull")), "open")
    left = without_repeats(tried)
    assert left.steps == (shut, Step("shut", "pull"))


def test_the_push_that_opens_the_door_is_kept() -> None:
    shut = Step("shut", "push")
    tried = Trajectory("t", "Leave", (shut, shut, shut), "open")
    left = without_repeats(tried)
    assert (left.steps, left.final_observation) == ((shut, shut), "open")


def test_an_instruction_tells_of_no_repeated_step(tmp_path: Path) -> None:
    shut, opened = "The door is shut.", "The door is open."
    tried = replace(
        errand(), actions=("push",) * 5 + ("pull",), observations=(shut,) * 6 + (opened,), instruction="Leave"
    )

    async def constructed() -> list[Trajectory]:
        async with asking(tmp_path, {"construct": RuleSummariser()}) as calls:
            return [await construct(calls, tried, Span(0, 6), kind) for kind in CONSTRUCTIONS]

    for pair in asyncio.run(constructed()):
        assert pair.steps == (Step(shut, "push"), Step(shut, "pull"))
        assert pair.final_observation == opened
        assert pair.instruction.count("push") == 1
        assert (pair.source or {})["span"] == [0, 6]
        assert (pair.metadata or {})["length"] == "short"
