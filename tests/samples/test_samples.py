"""The shipped sample collections, as they lie in the checkout; no environment is needed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from indexing.parsing import parse_line
from indexing.records import COLLECTION_NAME, Document, Step, Trajectory, to_bytes

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
NAMES = sorted(path.parent.name for path in SAMPLES.glob("*/collection.json"))
RECORDED = ("babyai", "scienceworld")
MOST_BYTES = 4_000_000


def trajectories(name: str) -> list[Trajectory]:
    lines = (SAMPLES / name / "trajectories.ndjson").read_bytes().splitlines()
    return [parse_line(line, Trajectory) for line in lines]


def documents(name: str) -> list[Document]:
    lines = (SAMPLES / name / "documents.ndjson").read_bytes().splitlines()
    return [parse_line(line, Document) for line in lines]


def situations(name: str) -> list[dict[str, Any]]:
    value: list[dict[str, Any]] = json.loads((SAMPLES / name / "situations.json").read_bytes())
    return value


def test_three_collections_ship_and_stay_small() -> None:
    assert NAMES == ["babyai", "scienceworld", "textworld"]
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) <= MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_settings_name_the_environment(name: str) -> None:
    assert re.fullmatch(COLLECTION_NAME, name)
    settings = json.loads((SAMPLES / name / "collection.json").read_bytes())
    assert settings == {"environment": name, "observation_normalizer": "text"}


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_trajectory_is_an_experts_and_won(name: str) -> None:
    records = trajectories(name)
    assert 60 <= len(records) <= 150
    assert len({record.id for record in records}) == len(records)
    for record in records:
        assert record.source == {"kind": "recorded", "construction": "original"}
        assert record.outcome is not None
        assert record.outcome["success"] is True
        assert 0 < record.outcome["reward"] <= 1
        assert record.metadata is not None
        assert record.metadata["environment"] == name
        assert record.id == f"{record.metadata['task']}/{record.metadata['variation']}"
        assert record.final_observation
        assert 2 <= len(record.steps) <= 40
        assert all(step.observation and step.action for step in record.steps)


@pytest.mark.parametrize("name", NAMES)
def test_tasks_vary(name: str) -> None:
    tasks = {record.metadata["task"] for record in trajectories(name) if record.metadata}
    assert len(tasks) >= 6


@pytest.mark.parametrize("name", NAMES)
def test_documents_are_short_and_unique(name: str) -> None:
    records = documents(name)
    assert 10 <= len(records) <= 40
    assert len({record.id for record in records}) == len(records)
    assert all(record.title and 20 <= len(record.text) <= 4000 for record in records)


@pytest.mark.parametrize("name", NAMES)
def test_lines_are_the_records_own_bytes(name: str) -> None:
    raw = (SAMPLES / name / "trajectories.ndjson").read_bytes()
    assert raw == b"".join(to_bytes(record) + b"\n" for record in trajectories(name))


@pytest.mark.parametrize("name", NAMES)
def test_situations_are_held_out_and_in_the_middle(name: str) -> None:
    records = trajectories(name)
    known = {f"{about['task']}/{about['variation']}" for record in records if (about := record.metadata)}
    courses = {(record.instruction, record.steps) for record in records}
    assert len(situations(name)) == 3
    for situation in situations(name):
        assert situation["id"] not in known
        assert situation["instruction"]
        assert len(situation["history"]) >= 2
        assert situation["observation"]
        assert situation["expert_action"]
        history = tuple(Step(step["observation"], step["action"]) for step in situation["history"])
        taken = (*history, Step(situation["observation"], situation["expert_action"]))
        assert not any(
            instruction == situation["instruction"] and steps[: len(taken)] == taken
            for instruction, steps in courses
        )
