"""Schema-Guided Dialogue."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from indexing import formats
from indexing.formats import ImportReport
from indexing.parsing import parse_value
from indexing.records import Step, Trajectory, to_fields
from tests.indexing.formats.checks import trajectories, write_json


def user(utterance: str) -> dict[str, object]:
    return {"speaker": "USER", "utterance": utterance, "frames": [{"service": "Trains_1", "state": {}}]}


def system(utterance: str, *frames: dict[str, object]) -> dict[str, object]:
    return {"speaker": "SYSTEM", "utterance": utterance, "frames": list(frames)}


def service(method: str, parameters: dict[str, str], results: list[dict[str, str]]) -> dict[str, object]:
    return {
        "service": "Trains_1",
        "service_call": {"method": method, "parameters": parameters},
        "service_results": results,
    }


DIALOGUE = {
    "dialogue_id": "1_00000",
    "services": ["Trains_1"],
    "turns": [
        user("I want to travel."),
        system("Where to?", {"service": "Trains_1", "actions": []}),
        user("Bern."),
        system("The IC 1?", service("FindTrain", {"to": "Bern"}, [{"train": "IC 1", "price": "20"}])),
        user("No, thanks."),
        system("Goodbye.", service("A", {}, []), service("B", {"x": "1"}, [{"y": "2"}])),
        user("Bye."),
    ],
}


def test_service_calls_and_replies_are_actions(tmp_path: Path) -> None:
    path = write_json(tmp_path / "dev" / "dialogues_001.json", [DIALOGUE])
    (record,) = trajectories("sgd", path, ImportReport())
    assert record.id == "dev/1_00000"
    assert record.instruction == "I want to travel."
    assert record.steps == (
        Step("I want to travel.", 'respond({"content":"Where to?"})'),
        Step("Bern.", 'FindTrain({"to":"Bern"})'),
        Step('[{"price":"20","train":"IC 1"}]', 'respond({"content":"The IC 1?"})'),
        Step("No, thanks.", "A({})"),
        Step("No, thanks.", 'B({"x":"1"})'),
        Step('[]\n[{"y":"2"}]', 'respond({"content":"Goodbye."})'),
    )
    assert record.final_observation == "Bye."
    assert record.outcome is None
    assert record.metadata == {
        "file": "dialogues_001.json",
        "split": "dev",
        "dialogue_id": "1_00000",
        "services": ["Trains_1"],
    }


def test_the_split_is_the_folder_and_ids_are_told_apart_by_it(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_json(tmp_path / split / "dialogues_001.json", [DIALOGUE])
        write_json(tmp_path / split / "schema.json", [{"service_name": "Trains_1"}])
    report = ImportReport()
    records = trajectories("sgd", tmp_path, report)
    assert [record.id for record in records] == ["test/1_00000", "train/1_00000"]
    assert report.skipped == {"schema of services": 2}


def test_without_a_split_or_an_id_the_file_names_it(tmp_path: Path) -> None:
    path = write_json(tmp_path / "some.json", [DIALOGUE, {"turns": DIALOGUE["turns"]}])
    records = trajectories("sgd", path, ImportReport())
    assert [record.id for record in records] == ["1_00000", "some/1"]


def test_what_is_no_dialogue_is_counted(tmp_path: Path) -> None:
    report = ImportReport()
    dialogues = [
        {"title": "x"},
        {"turns": [system("Hello?")]},
        {"turns": [user("Hello?")]},
        {"turns": [user("Hello?"), system(" ")]},
    ]
    assert trajectories("sgd", write_json(tmp_path / "a.json", dialogues), report) == []
    assert report.skipped == {
        "not a dialogue": 1,
        "dialogue without a user's utterance": 1,
        "dialogue without a system turn": 2,
        "reply without words": 1,
    }


@pytest.mark.whole
def test_all_of_sgd(shared_data: Path) -> None:
    report = ImportReport()
    ids, splits, steps, calls = set(), Counter[str](), 0, 0
    for number, record in enumerate(formats.read("sgd", shared_data / "sgd", report)):
        assert isinstance(record, Trajectory)
        assert record.metadata is not None
        assert record.instruction == record.steps[0].observation
        if number % 10 == 0:
            assert parse_value(to_fields(record), Trajectory) == record
        ids.add(record.id)
        splits[record.metadata["split"]] += 1
        steps += len(record.steps)
        calls += sum(not step.action.startswith("respond(") for step in record.steps)
    assert len(ids) == report.read == 17_193
    assert splits == {"train": 12_174, "dev": 2_098, "test": 2_921}
    assert (steps, calls) == (203_771, 47_648)
    assert report.skipped == {"another kind of file": 2, "schema of services": 3, "reply without words": 2}
