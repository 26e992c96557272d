"""InterCode agent logs."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from indexing.formats import ImportReport
from indexing.formats._files import OTHER_FILE
from indexing.formats.intercode import (
    NO_ACTION,
    NO_INSTRUCTION,
    NO_TURNS,
    NOT_A_LOG,
    REFUSED,
    WRAPPED,
)
from indexing.records import Step, Trajectory
from tests.indexing.formats.checks import trajectories, write_json


def a_run(actions: list[str], observations: list[Any], rewards: list[float], **turns: Any) -> dict[str, Any]:
    return {
        "environment": "ic_sql",
        "dataset": "./data/ships.json",
        "task_id": 3,
        "query": "How many ships are there?",
        "turn_history": {"actions": actions, "observations": observations, "rewards": rewards, **turns},
        "summary": {"max_reward": max(rewards, default=0)},
        "hardness": "easy",
    }


def read_one(tmp_path: Path, run: object) -> tuple[list[Trajectory], ImportReport]:
    report = ImportReport()
    return trajectories(
        "intercode", write_json(tmp_path / "gpt-9" / "multi.json", {"3": run}), report
    ), report


def test_observations_follow_actions(tmp_path: Path) -> None:
    records, report = read_one(
        tmp_path, a_run(["SHOW TABLES", "SELECT COUNT(*) FROM ship"], ["[('ship',)]", "[(7,)]"], [0.0, 1.0])
    )
    assert records == [
        Trajectory(
            id="intercode/sql/gpt-9/multi/3",
            instruction="How many ships are there?",
            steps=(Step("", "SHOW TABLES"), Step("[('ship',)]", "SELECT COUNT(*) FROM ship")),
            final_observation="[(7,)]",
            source={"kind": "recorded"},
            outcome={"success": True, "reward": 1.0},
            metadata={
                "environment": "sql",
                "dataset": "./data/ships.json",
                "task_id": 3,
                "hardness": "easy",
                "agent": "gpt-9",
                "configuration": "multi",
            },
        )
    ]
    assert report.skipped == Counter()


def test_success_is_a_reward_of_one_on_any_turn(tmp_path: Path) -> None:
    (record,), _ = read_one(tmp_path, a_run(["a", "b"], ["", ""], [0.99, 0.5]))
    assert record.outcome == {"success": False, "reward": 0.99}
    (record,), _ = read_one(tmp_path, a_run(["a", "b"], ["", ""], [1, 0.5]))
    assert record.outcome == {"success": True, "reward": 1.0}


def test_observations_that_are_not_text_become_compact_json(tmp_path: Path) -> None:
    (record,), _ = read_one(tmp_path, a_run(["a", "b"], [[["é", None], {"b": 1, "a": 2}], True], [0, 0]))
    assert record.steps[1].observation == '[["é",null],{"a":2,"b":1}]'
    assert record.final_observation == "true"


@pytest.mark.parametrize("field", ["thoughts", "steps"])
def test_thoughts_and_plans_go_with_their_actions(tmp_path: Path, field: str) -> None:
    (record,), _ = read_one(
        tmp_path, a_run(["a", "b"], ["", ""], [0, 0], **{field: ["first look", "then count"]})
    )
    assert [step.thought for step in record.steps] == ["first look", "then count"]


def test_a_refused_turn_is_left_out(tmp_path: Path) -> None:
    (record,), report = read_one(tmp_path, a_run(["a", "blocked"], ["nothing"], [0, 0]))
    assert record.steps == (Step("", "a"),)
    assert record.final_observation == "nothing"
    assert report.skipped == {REFUSED: 1}


def test_a_run_that_was_refused_at_once_keeps_its_only_turn(tmp_path: Path) -> None:
    (record,), report = read_one(tmp_path, a_run(["blocked"], [], [0]))
    assert (record.steps, record.final_observation) == ((Step("", "blocked"),), None)
    assert report.skipped == Counter()


def test_an_action_without_an_answer_leaves_no_final_observation(tmp_path: Path) -> None:
    (record,), _ = read_one(tmp_path, a_run(["a", "b"], ["x"], [0, 0]))
    assert record.steps == (Step("", "a"), Step("x", "b"))
    assert record.final_observation is None


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ({"query": "q", "trajectory": []}, NO_TURNS),
        ({**a_run([], [], [])}, NO_ACTION),
        ({**a_run(["a"], [""], [0]), "query": " "}, NO_INSTRUCTION),
        ({"turn_history": {"actions": ["a"]}}, NOT_A_LOG),
        ({"query": "q", "turn_history": {"actions": [1]}}, NOT_A_LOG),
        ("text", NOT_A_LOG),
    ],
)
def test_what_is_no_run_is_counted(tmp_path: Path, run: object, reason: str) -> None:
    records, report = read_one(tmp_path, run)
    assert (records, report.skipped) == ([], {reason: 1})


def test_wrapped_runs_and_other_files_are_counted(tmp_path: Path) -> None:
    run = a_run(["a"], [""], [0])
    write_json(tmp_path / "plan.json", {"meta": {"env": "sql"}, "logs": {"1": run, "2": run}})
    write_json(tmp_path / "gold.json", [{"query": "q"}])
    (tmp_path / "README.md").write_text("runs")
    report = ImportReport()
    assert trajectories("intercode", tmp_path, report) == []
    assert report.skipped == {WRAPPED: 2, NOT_A_LOG: 1, OTHER_FILE: 1}


def test_sql_runs_name_the_database_of_their_question(tmp_path: Path) -> None:
    run = a_run(["a"], [""], [0])
    log = write_json(
        tmp_path / "results" / "gpt-9" / "multi.json", {"1": run, "2": {**run, "query": "Which?"}}
    )
    questions = [
        {"query": "How many ships are there?", "db": "harbour"},
        {"query": "Which?", "db": "harbour"},
        {"query": "Which?", "db": "market"},
    ]
    write_json(tmp_path / "sql" / "spider" / "ic_spider_dev.json", questions)
    with tarfile.open(tmp_path / "results" / "sql.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("sql/gpt-8/multi.json")
        member.size = len(content := log.read_bytes())
        archive.addfile(member, io.BytesIO(content))
    found = {r.id: (r.metadata or {}).get("db") for r in trajectories("intercode", tmp_path, ImportReport())}
    assert found == {
        "intercode/sql/gpt-9/multi/1": "harbour",
        "intercode/sql/gpt-9/multi/2": None,
        "intercode/sql/gpt-8/multi/1": "harbour",
        "intercode/sql/gpt-8/multi/2": None,
    }
    packed = trajectories("intercode", tmp_path / "results" / "sql.tar.gz", ImportReport())
    assert [(record.metadata or {}).get("db") for record in packed] == ["harbour", None]


def test_all_public_logs(shared_data: Path) -> None:
    report = ImportReport()
    records = trajectories("intercode", shared_data / "intercode", report)
    assert (len(records), report.read) == (16076, 16076)
    assert report.skipped == {WRAPPED: 1278, REFUSED: 598, NO_TURNS: 15, OTHER_FILE: 4, NOT_A_LOG: 1}
    environments = Counter((record.metadata or {})["environment"] for record in records)
    assert environments == {"sql": 14474, "bash": 1602}
    solved = [record for record in records if (record.outcome or {})["success"]]
    assert Counter((record.metadata or {})["environment"] for record in solved) == {"sql": 5344, "bash": 461}
    assert sum("db" in (record.metadata or {}) for record in records) == 14474
    assert sum(len(record.steps) for record in records) == 88683
