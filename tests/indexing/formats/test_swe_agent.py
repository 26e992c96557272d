"""SWE-agent's `.traj` files."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexing.formats import ImportReport
from indexing.formats.swe_agent import issue_text
from indexing.records import Step
from tests.indexing.formats.checks import trajectories, write_json

SHELL = "(Open file: n/a)\n(Current directory: /repo)\nbash-$"
PROMPT = f"Here's the issue's text:\nISSUE:\nIt breaks.\n\nINSTRUCTIONS:\nOne command at a time.\n\n{SHELL}"
RUN = {
    "environment": "swe_main",
    "trajectory": [
        {"action": "ls\n", "observation": "a.py", "thought": "Look around.\n", "response": "…"},
        {"action": "open a.py", "observation": "1: x = y", "thought": ""},
        {"action": "submit", "observation": "diff", "thought": None},
    ],
    "history": [
        {"role": "system", "content": "rules"},
        {"role": "user", "content": "a demonstration", "is_demo": True},
        {"role": "user", "content": PROMPT},
    ],
    "info": {"exit_status": "submitted", "model_stats": {"api_calls": 3}},
}


def test_an_observation_moves_to_the_action_taken_on_it(tmp_path: Path) -> None:
    path = write_json(tmp_path / "org__repo-1.traj", RUN)
    (record,) = trajectories("swe-agent", path, ImportReport())
    assert record.id == "org__repo-1"
    assert record.instruction == "It breaks."
    assert record.steps == (
        Step(SHELL, "ls", "Look around."),
        Step("a.py", "open a.py"),
        Step("1: x = y", "submit"),
    )
    assert record.final_observation == "diff"
    assert record.metadata == {
        "file": "org__repo-1.traj",
        "instance": "org__repo-1",
        "environment": "swe_main",
        "exit_status": "submitted",
    }


@pytest.mark.parametrize(
    ("prompt", "issue"),
    [
        (PROMPT, "It breaks."),
        ("A challenge.\nINSTRUCTIONS:\nGo.", "A challenge."),
        ("Read <pr_description>\nIt breaks.\n</pr_description> and go.", "It breaks."),
        ("Just do it. ", "Just do it."),
        ("ISSUE:\n\nINSTRUCTIONS:\nGo.", "ISSUE:\n\nINSTRUCTIONS:\nGo."),
    ],
)
def test_the_issue_is_told_from_the_rules_around_it(prompt: str, issue: str) -> None:
    assert issue_text(prompt) == issue


def test_messages_in_parts_and_runs_without_a_history(tmp_path: Path) -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "In parts."}]}]
    write_json(tmp_path / "a.traj", {**RUN, "history": parts, "info": None})
    write_json(tmp_path / "b.traj", {**RUN, "history": [], "problem_statement": {"text": "Told."}})
    first, second = trajectories("swe-agent", tmp_path, ImportReport())
    assert (first.instruction, second.instruction) == ("In parts.", "Told.")
    assert first.steps[0] == Step("", "ls", "Look around.")


def test_what_is_no_run_is_counted(tmp_path: Path) -> None:
    idle = {"action": " ", "observation": "x", "thought": ""}
    write_json(tmp_path / "a.traj", {"history": RUN["history"]})
    write_json(tmp_path / "b.traj", {"trajectory": RUN["trajectory"]})
    write_json(tmp_path / "c.traj", {**RUN, "trajectory": [idle]})
    write_json(tmp_path / "d.yaml", {})
    (tmp_path / "e.traj").write_text("{")
    report = ImportReport()
    assert trajectories("swe-agent", tmp_path, report) == []
    assert report.skipped == {
        "file without a trajectory": 1,
        "trajectory without an issue": 1,
        "step without an action": 1,
        "trajectory without an action": 1,
        "another kind of file": 1,
        "file that is not JSON": 1,
    }


def test_all_demonstrations(shared_data: Path) -> None:
    report = ImportReport()
    records = trajectories("swe-agent", shared_data / "swe_agent_demos" / "trajectories", report)
    assert len(records) == 18
    assert sum(len(record.steps) for record in records) == 205
    assert report.skipped == {"file without a trajectory": 1, "another kind of file": 2}
    assert all(record.metadata and record.metadata["exit_status"] == "submitted" for record in records)
    assert all("INSTRUCTIONS" not in record.instruction for record in records)
    assert all(record.steps[-1].action.startswith("submit") for record in records)
