"""ALFWorld expert trajectories."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from indexing.formats import ImportReport
from indexing.formats.alfworld import AFTER_THE_END, NO_ACTION, NO_INSTRUCTION, NOT_A_TRAJECTORY, task_type
from indexing.records import Step, Trajectory
from tests.indexing.formats.checks import trajectories, write_json

HALL = "You are in a hall. You see a drawer 1, and a shelf 2."
TAKEN = "You pick up the key 1 from the drawer 1."
SOLVED = {
    "task": "put some key on shelf.",
    "traj": [
        {"obs": HALL, "act": "take key 1 from drawer 1", "thought": "The key lies in the drawer."},
        {"obs": TAKEN, "act": "put key 1 in/on shelf 2", "thought": "Now to the shelf."},
        {"obs": "You put the key 1 in/on the shelf 2.", "act": "go to drawer 1"},
    ],
}


def test_last_entry_is_what_was_seen_once_the_task_was_done(tmp_path: Path) -> None:
    report = ImportReport()
    write_json(tmp_path / "0_7.json", SOLVED)
    assert trajectories("alfworld", tmp_path, report) == [
        Trajectory(
            id="alfworld/0_7",
            instruction="put some key on shelf.",
            steps=(
                Step(HALL, "take key 1 from drawer 1", "The key lies in the drawer."),
                Step(TAKEN, "put key 1 in/on shelf 2", "Now to the shelf."),
            ),
            final_observation="You put the key 1 in/on the shelf 2.",
            source={"kind": "recorded"},
            outcome={"success": True},
            metadata={"task_type": "pick_and_place_simple", "file": "0_7"},
        )
    ]
    assert report.skipped == {AFTER_THE_END: 1}


def test_last_entry_is_a_step_where_it_was_thought_about(tmp_path: Path) -> None:
    run = {"task": "find the moon", "traj": [*SOLVED["traj"][:2]]}
    report = ImportReport()
    (record,) = trajectories("alfworld", write_json(tmp_path / "a.json", run), report)
    assert [step.action for step in record.steps] == ["take key 1 from drawer 1", "put key 1 in/on shelf 2"]
    assert (record.final_observation, record.outcome, report.skipped) == (None, None, Counter())
    assert record.metadata == {"file": "a"}


def test_trajectories_without_thoughts_keep_all_their_steps(tmp_path: Path) -> None:
    run = {
        "task": "put some key on shelf.",
        "traj": [{"obs": HALL, "act": "look"}, {"obs": HALL, "act": "wait"}],
    }
    (record,) = trajectories("alfworld", write_json(tmp_path / "a.json", run), ImportReport())
    assert [step.action for step in record.steps] == ["look", "wait"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"task": "", "traj": SOLVED["traj"]}, NO_INSTRUCTION),
        ({"task": "put some key on shelf.", "traj": []}, NO_ACTION),
        ({"task": "put some key on shelf."}, NOT_A_TRAJECTORY),
        ({"task": "put some key on shelf.", "traj": [{"obs": HALL}]}, NOT_A_TRAJECTORY),
    ],
)
def test_what_is_no_trajectory_is_counted(tmp_path: Path, value: object, reason: str) -> None:
    report = ImportReport()
    assert trajectories("alfworld", write_json(tmp_path / "a.json", value), report) == []
    assert report.skipped == {reason: 1}


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("put a mug in sink.", "pick_and_place_simple"),
        ("look at mug under the desklamp.", "look_at_obj_in_light"),
        ("examine the mug with the desklamp.", "look_at_obj_in_light"),
        ("put a clean mug in shelf.", "pick_clean_then_place_in_recep"),
        ("clean some mug and put it in shelf.", "pick_clean_then_place_in_recep"),
        ("put a hot mug in shelf.", "pick_heat_then_place_in_recep"),
        ("heat some mug and put it in shelf.", "pick_heat_then_place_in_recep"),
        ("put a cool mug in shelf.", "pick_cool_then_place_in_recep"),
        ("cool some mug and put it in shelf.", "pick_cool_then_place_in_recep"),
        ("put two mug in shelf.", "pick_two_obj_and_place"),
        ("find two mug and put them in shelf.", "pick_two_obj_and_place"),
        ("sing", None),
    ],
)
def test_task_type_is_told_by_the_wording(instruction: str, expected: str | None) -> None:
    assert task_type(instruction) == expected


def test_all_public_trajectories(shared_data: Path) -> None:
    report = ImportReport()
    records = trajectories("alfworld", shared_data / "alfworld_trad" / "traj.zip", report)
    assert (len(records), report.read) == (2527, 2527)
    assert report.skipped == {AFTER_THE_END: 2527}
    assert sum(len(record.steps) for record in records) == 25852
    assert Counter((record.metadata or {})["task_type"] for record in records) == {
        "pick_and_place_simple": 635,
        "look_at_obj_in_light": 176,
        "pick_clean_then_place_in_recep": 520,
        "pick_heat_then_place_in_recep": 314,
        "pick_cool_then_place_in_recep": 309,
        "pick_two_obj_and_place": 573,
    }
