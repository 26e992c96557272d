"""MiniWoB++ human demonstrations."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from indexing.formats import ImportReport
from indexing.formats._files import OTHER_FILE
from indexing.formats.miniwob import NO_ACTION, NO_INSTRUCTION, NO_STATES, NOT_A_DEMONSTRATION
from tests.indexing.formats.checks import trajectories
from tests.indexing.formats.miniwob_sample import a_form, clicked, demo, read_one, state


def test_a_click_is_one_action_on_the_page_seen_before_it(tmp_path: Path) -> None:
    sent = a_form(text="Sent")
    (record,), report = read_one(tmp_path, demo(state(a_form()), *clicked(a_form(acted_on=3), 20, 50, sent)))
    assert record.id == "miniwob/first-batch/send/send_d1"
    assert record.instruction == "Send it."
    assert [(step.observation, step.action) for step in record.steps] == [
        ('[1] body\n  [2] textbox\n  [3] button "Send"', 'click [3] button "Send"')
    ]
    assert record.final_observation == '[1] body\n  [2] textbox\n  [3] button "Sent"'
    assert record.source == {"kind": "human"}
    assert record.outcome == {"success": True, "reward": 1.0}
    assert record.metadata == {"task": "send", "batch": "first-batch", "file": "send_d1"}
    assert report.skipped == Counter()


def test_the_folder_names_the_task_where_the_file_does_not(tmp_path: Path) -> None:
    value = demo(state(a_form()), *clicked(a_form(acted_on=3), 20, 50), fields={"to": "Ann"}, rawReward=-1)
    del value["taskName"]
    (record,), _ = read_one(tmp_path, value)
    assert record.metadata == {
        "task": "send",
        "batch": "first-batch",
        "file": "send_d1",
        "fields": {"to": "Ann"},
    }
    assert record.outcome == {"success": False, "reward": -1.0}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (demo(), NO_STATES),
        (demo(state(a_form())), NO_ACTION),
        (demo(state(a_form()), *clicked(a_form(), 20, 15), utterance=" "), NO_INSTRUCTION),
        ({"utterance": "Send it."}, NOT_A_DEMONSTRATION),
        (demo(state({"tag": "BODY"})), NOT_A_DEMONSTRATION),
        (demo(state(a_form(), "keydown", keyCode=-1)), NOT_A_DEMONSTRATION),
    ],
)
def test_what_is_no_demonstration_is_counted(tmp_path: Path, value: object, reason: str) -> None:
    records, report = read_one(tmp_path, value)
    assert (records, report.skipped) == ([], {reason: 1})


def test_what_no_store_keeps_is_replaced(tmp_path: Path) -> None:
    value = demo(
        state(a_form()), *clicked(a_form(text="a\x00b", acted_on=3), 20, 50), utterance="Send \ud800."
    )
    (record,), report = read_one(tmp_path, value)
    assert record.instruction == "Send \ufffd."
    assert report.replaced == 7


@pytest.mark.whole
def test_all_public_demonstrations(shared_data: Path) -> None:
    report = ImportReport()
    records = trajectories("miniwob", shared_data / "miniwob_demos", report)
    assert (len(records), report.read) == (1853, 1853)
    assert report.skipped == {NO_STATES: 12, OTHER_FILE: 1, "mouse release without a press": 1}
    assert len(records) + report.skipped[NO_STATES] == 1865
    assert all((record.outcome or {})["success"] for record in records)
    steps = [step for record in records for step in record.steps]
    assert Counter(step.action.split()[0] for step in steps) == {
        "click": 4324,
        "type": 560,
        "scroll": 337,
        "press": 334,
        "dblclick": 159,
        "choose": 43,
        "drag": 12,
    }
    for step in steps:
        named = re.search(r"\[\d+\]", step.action)
        assert named
        assert f"{named[0]} " in step.observation
