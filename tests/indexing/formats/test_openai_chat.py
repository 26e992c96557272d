"""OpenAI chat messages with tool calls, and tau-bench's logs of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from indexing.formats import ImportReport
from indexing.records import Step
from tests.indexing.formats.checks import trajectories, write_json


def called(*calls: tuple[str, str], content: str | None = None) -> dict[str, object]:
    functions = [{"name": name, "arguments": arguments} for name, arguments in calls]
    return {
        "role": "assistant",
        "content": content,
        "tool_calls": [
            {"id": f"call_{number}", "type": "function", "function": function}
            for number, function in enumerate(functions)
        ],
    }


CHAT = [
    {"role": "system", "content": "You book trains."},
    {"role": "user", "content": "To Bern, please."},
    called(("find", '{"to": "Bern", "from": null}'), content="I look it up."),
    {"role": "tool", "tool_call_id": "call_0", "content": '["IC 1"]'},
    {"role": "assistant", "content": "IC 1?"},
    {"role": "user", "content": "Yes."},
    called(("pay", "{}"), ("seat", '{"row": 3}')),
    {"role": "tool", "tool_call_id": "call_0", "content": "paid"},
    {"role": "tool", "tool_call_id": "call_1", "content": "row 3"},
]
STEPS = (
    Step("To Bern, please.", 'find({"from":null,"to":"Bern"})', "I look it up."),
    Step('["IC 1"]', 'respond({"content":"IC 1?"})'),
    Step("Yes.", "pay({})"),
    Step("Yes.", 'seat({"row":3})'),
)


def test_calls_and_replies_are_actions_on_what_was_seen_since_the_last(tmp_path: Path) -> None:
    report = ImportReport()
    path = write_json(tmp_path / "chats.json", [{"id": "one", "model": "m", "messages": CHAT}])
    (record,) = trajectories("openai-chat", path, report)
    assert record.id == "chats/one"
    assert record.instruction == "To Bern, please."
    assert record.steps == STEPS
    assert record.final_observation == "paid\nrow 3"
    assert record.source == {"kind": "recorded"}
    assert record.outcome is None
    assert record.metadata == {"model": "m", "file": "chats.json"}
    assert report.skipped == {"system message": 1}


def test_tau_bench_tells_the_task_the_reward_and_the_trial(tmp_path: Path) -> None:
    run = {
        "task_id": 7,
        "trial": 2,
        "reward": 1.0,
        "info": {"task": {"user_id": "u_1", "instruction": "You want to go to Bern."}},
        "traj": CHAT,
    }
    failed = {**run, "trial": 3, "reward": 0.0}
    path = write_json(tmp_path / "runs.json", [run, failed])
    first, second = trajectories("openai-chat", path, ImportReport())
    assert (first.id, second.id) == ("runs/task-7/trial-2", "runs/task-7/trial-3")
    assert first.instruction == "You want to go to Bern."
    assert first.steps == STEPS
    assert first.outcome == {"success": True, "reward": 1.0}
    assert second.outcome == {"success": False, "reward": 0.0}
    assert first.metadata == {"task_id": 7, "trial": 2, "user_id": "u_1", "file": "runs.json"}


@pytest.mark.parametrize("shape", ["bare", "listed", "lines"])
def test_a_conversation_may_be_a_bare_list_of_messages(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "chats.json"
    bare = json.dumps(CHAT)
    path.write_text({"bare": bare, "listed": f"[{bare}]", "lines": f"{bare}\n{bare}\n"}[shape])
    records = trajectories("openai-chat", path, ImportReport())
    assert [record.id for record in records] == ["chats/0", "chats/1"][: 2 if shape == "lines" else 1]
    assert all(record.steps == STEPS for record in records)


def test_older_and_newer_forms_of_a_message(tmp_path: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": "x"}}
    messages = [
        {"role": "developer", "content": "rules"},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}, image]},
        {"role": "assistant", "content": None, "function_call": {"name": "old", "arguments": "{broken"}},
        {"role": "function", "name": "old", "content": "done"},
        {"role": "assistant", "content": "", "reasoning_content": "Hm.", "refusal": "No."},
        {"role": "assistant", "content": ""},
        {"role": "narrator", "content": "…"},
    ]
    report = ImportReport()
    log = {"messages": messages, "reward": 0.5, "success": False}
    (record,) = trajectories("openai-chat", write_json(tmp_path / "a.json", log), report)
    assert record.steps == (
        Step("Hello", "old({broken)"),
        Step("done", 'respond({"content":"No."})', "Hm."),
    )
    assert record.outcome == {"success": False, "reward": 0.5}
    assert report.skipped == {
        "system message": 1,
        "message part that is not text": 1,
        "assistant message without text or call": 1,
        "message of another role": 1,
    }


def test_what_is_no_episode_is_counted(tmp_path: Path) -> None:
    report = ImportReport()
    logs = [
        {"question": "?"},
        {"messages": [{"role": "user", "content": "hi"}]},
        {"messages": [{"role": "assistant", "content": "hi"}]},
        5,
    ]
    assert trajectories("openai-chat", write_json(tmp_path / "a.json", logs), report) == []
    assert report.skipped == {
        "not a conversation": 2,
        "conversation without an action": 1,
        "conversation without a user message": 1,
    }


def test_lone_surrogates_are_replaced_inside_arguments_too(tmp_path: Path) -> None:
    report = ImportReport()
    messages = [{"role": "user", "content": "a\x00"}, called(("say", '{"x": "\\ud800"}'))]
    (record,) = trajectories("openai-chat", write_json(tmp_path / "a.json", messages), report)
    assert record.steps == (Step("a\ufffd", 'say({"x":"\ufffd"})'),)
    assert report.replaced == 2


def test_all_of_tau_bench(shared_data: Path) -> None:
    report = ImportReport()
    records = trajectories("openai-chat", shared_data / "tau_bench" / "gpt-4o-airline.json.gz", report)
    assert (len(records), report.read) == (200, 200)
    assert report.skipped == {"system message": 200}
    assert sum(len(record.steps) for record in records) == 2454
    assert Counter(record.outcome["success"] for record in records if record.outcome) == {
        True: 84,
        False: 116,
    }
    assert {record.metadata["task_id"] for record in records if record.metadata} == set(range(50))
    assert all(record.instruction != record.steps[0].observation for record in records)
    assert sum(step.thought is not None for record in records for step in record.steps) == 90
