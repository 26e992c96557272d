"""What backward construction is measured by: goals read off BabyAI, nested memories, a tiny whole run."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from benchmarks.construction import Asked, measure
from benchmarks.construction_figures import keep
from benchmarks.construction_goals import goal, reached
from benchmarks.construction_memories import BOTH, PARTS, UNFILTERED, WHOLE, Memory, memories, straight
from benchmarks.construction_studies import STUDIES, Made, expert, whole
from environments.base import Task
from evaluation.closed_loop import NONE
from evaluation.worlds import gold_paths
from indexing.records import Step, Trajectory
from synthesis.prompts import Told
from synthesis.rollouts import Rollout

HASHING = {"embedder": "hashing-64", "tokenizer": "words"}


def view(*things: str, carried: str = "nothing") -> str:
    return "\n".join(["You see:", *(f"- {thing}" for thing in things), f"You carry {carried}."])


DOOR = "a wall 2 steps to the left", "a {} green door 1 step ahead"


@pytest.mark.parametrize(
    ("before", "action", "after", "named"),
    [
        (view("a red ball 1 step ahead"), "pick up", view(carried="a red ball"), "pick up the red ball"),
        (
            view("a red ball 2 steps ahead"),
            "go forward",
            view("a red ball 1 step ahead"),
            "go to the red ball",
        ),
        (
            view("a grey key 1 step to the right"),
            "turn right",
            view("a grey key 1 step ahead"),
            "go to the grey key",
        ),
        (
            view(*DOOR).format("locked"),
            "toggle",
            view(*DOOR).format("open").replace("a open", "an open"),
            "open the green door",
        ),
        (
            view("a blue box 1 step ahead and 1 step to the right", carried="a red ball"),
            "drop",
            view("a red ball 1 step ahead", "a blue box 1 step ahead and 1 step to the right"),
            "put the red ball next to the blue box",
        ),
        (view(carried="a red ball"), "drop", view("a red ball 1 step ahead"), None),
        (view("a red ball 1 step ahead"), "toggle", view("a red ball 1 step ahead"), None),
        (view("a red box 1 step ahead"), "toggle", view("a grey key 1 step ahead"), None),
        (view("a wall 2 steps ahead"), "go forward", view("a wall 1 step ahead"), None),
    ],
)
def test_a_goal_is_what_the_last_action_reached(
    before: str, action: str, after: str, named: str | None
) -> None:
    assert reached(before, action, after) == named
    assert goal(Told({0: "", 1: before, 2: after}, {1: "turn left", 2: action})) == named


@given(st.text(), st.sampled_from(["go forward", "pick up", "drop", "toggle"]), st.text())
def test_any_text_is_read(before: str, action: str, after: str) -> None:
    assert reached(before, action, after) is None


def rollout(number: int, success: bool = False) -> Rollout:
    seen = tuple(f"{number}/{at}" for at in range(3))
    return Rollout(f"walk/{number}", "walk", ("a", "b"), seen, "Walk", number, (), "x", success, 0.0, "done")


def pair(number: int, *seen: str) -> Trajectory:
    source = {"rollout": f"walk/{number}"}
    steps = tuple(Step(text, "go") for text in seen[:-1])
    return Trajectory(f"{number}/{seen}", "go", steps, seen[-1], source, metadata={"length": "short"})


def test_what_goes_in_a_circle_is_not_straight() -> None:
    assert straight(pair(0, "a", "b", "c"))
    assert not straight(pair(0, "a", "b", "a"))


def test_smaller_memories_lie_within_larger_ones_and_know_pairs_of_their_own_rollouts() -> None:
    made = Made([rollout(number) for number in range(40)], [pair(number, "a", "b") for number in range(40)])
    found = {memory.name: memory for memory in memories(made)}
    assert [len(found[Memory(WHOLE, part, ()).name].known) for part in PARTS] == [40, 20, 10, 5, 3]
    for part, larger in zip(PARTS[1:], PARTS, strict=False):
        small, large = (found[Memory(BOTH, one, ()).name] for one in (part, larger))
        assert {one.id for one in small.known} < {one.id for one in large.known}
        wholes = {one.id.removesuffix("/whole") for one in small.known if one.id.endswith("/whole")}
        assert {(one.source or {})["rollout"] for one in small.known} == wholes
        assert small.against == Memory(WHOLE, part, ()).name


def test_what_the_filter_takes_away_is_measured_too() -> None:
    made = Made([rollout(0), rollout(1, success=True)], [pair(0, "a", "b"), pair(1, "a", "a")])
    found = {memory.name: len(memory.known) for memory in memories(made)}
    assert found["pairs"] == 1
    assert found[UNFILTERED] == 2
    assert found["succeeded"] == 1


def test_a_whole_trajectory_says_nothing_of_its_success() -> None:
    assert whole(rollout(0, success=True)).outcome is None


def test_a_tiny_study_is_measured_and_goes_on_where_it_was(tmp_path: Path) -> None:
    pytest.importorskip("minigrid", reason="minigrid isn't installed: the extra `environments` brings it")
    study = replace(STUDIES["several"], levels=("GoToLocal", "PickupLoc"), seeds=2)
    tasks = [Task("GoToLocal", 10_000)]
    episodes = gold_paths(expert, tasks, tmp_path / "asked.ndjson")
    asked = Asked(episodes, tasks, steps=2, step_limit=3)

    def within(stage: str, done: int, total: int) -> None:
        assert done <= total, stage

    made, found = measure(tmp_path, study, asked, within, HASHING, ("instruction",))
    before = (tmp_path / "rows.ndjson").read_bytes(), (tmp_path / "episodes.ndjson").read_bytes()
    assert (made, found) == measure(tmp_path, study, asked, within, HASHING, ("instruction",))
    assert before == ((tmp_path / "rows.ndjson").read_bytes(), (tmp_path / "episodes.ndjson").read_bytes())
    assert {one.variant for one in found} == {NONE, "instruction"}
    assert {one.measure for one in found} == {"hit@1", "hit@5", "success"}
    assert all((one.difference is None) == (one.kind == WHOLE) for one in found)

    keep(tmp_path, found, {"options": {}})
    told = from_json((tmp_path / "construction.json").read_bytes())["figures"]
    with (tmp_path / "construction.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["memory"] for row in rows] == [one["memory"] for one in told]
