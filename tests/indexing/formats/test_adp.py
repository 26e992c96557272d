"""The Agent Data Protocol: its standardized form and ATIF."""

from __future__ import annotations

from pathlib import Path

from indexing.formats import ImportReport
from indexing.records import Step
from tests.indexing.formats.checks import trajectories, write_json


def text(content: str, source: str) -> dict[str, object]:
    return {"class_": "text_observation", "content": content, "name": None, "source": source}


STANDARD = {
    "schema_version": "1.2.0",
    "id": "run_1",
    "content": [
        text("You are an agent.", "system"),
        text("How many rows?", "user"),
        {
            "class_": "code_action",
            "language": "sql",
            "content": "SELECT 1",
            "description": "Count.",
            "reasoning_content": "Hm.",
        },
        text("[(1,)]", "environment"),
        {"class_": "api_action", "function": "open", "kwargs": {"url": "a"}, "reward": 0.5},
        {"class_": "web_observation", "html": "<p>x</p>", "axtree": "[1] p 'x'", "url": "a", "reward": 0.5},
        {"class_": "message_action", "content": "One.", "description": "Done."},
        text("Thanks.", "user"),
    ],
    "details": {"dataset": "made up", "nested": {"difficulty": 2}},
}


def test_actions_and_observations_of_the_standardized_form(tmp_path: Path) -> None:
    report = ImportReport()
    (record,) = trajectories("adp", write_json(tmp_path / "full_std.json", [STANDARD]), report)
    assert record.id == "run_1"
    assert record.instruction == "How many rows?"
    assert record.steps == (
        Step("How many rows?", "```sql\nSELECT 1\n```", "Hm.\nCount."),
        Step("[(1,)]", 'open({"url":"a"})'),
        Step("URL: a\n[1] p 'x'", 'respond({"content":"One."})', "Done."),
    )
    assert record.final_observation == "Thanks."
    assert record.outcome == {"reward": 1.0}
    assert record.metadata == {"dataset": "made up", "nested": {"difficulty": 2}, "file": "full_std.json"}
    assert report.skipped == {"system message": 1}


def test_screenshots_are_named_and_their_annotations_seen(tmp_path: Path) -> None:
    marks = [
        {"element_type": "button", "text": "OK", "bounding_box": {}},
        {"element_type": "icon", "text": None},
    ]
    item = {
        "id": "i",
        "content": [
            text("Press OK", "user"),
            {
                "class_": "image_observation",
                "content": "s/1.png",
                "annotations": marks,
                "source": "environment",
            },
            {"class_": "api_action", "function": "click", "kwargs": {"x": 1}},
            {"class_": "image_observation", "content": "data:image/png;base64,AAAA", "source": "environment"},
            {"class_": "web_observation", "html": "<p>", "image_observation": {"content": "s/2.png"}},
        ],
    }
    report = ImportReport()
    (record,) = trajectories("adp", write_json(tmp_path / "a.json", item), report)
    assert record.steps == (Step("Press OK\nbutton OK\nicon", 'click({"x":1})'),)
    assert record.final_observation == "\n<p>"
    assert record.metadata == {"file": "a.json", "images": ["s/1.png", "s/2.png"]}
    assert report.skipped == {"image without a name": 1}


def test_words_of_the_agent_and_the_system_in_the_midst(tmp_path: Path) -> None:
    item = {
        "id": "i",
        "content": [
            text("Go.", "user"),
            text("Going.", "agent"),
            text("Gone.", "system"),
            {"class_": "MessageAction", "message": "Done.", "thoughts": "Good."},
        ],
    }
    (record,) = trajectories("adp", write_json(tmp_path / "a.json", item), ImportReport())
    assert record.steps == (
        Step("Go.", 'respond({"content":"Going."})'),
        Step("Gone.", 'respond({"content":"Done."})', "Good."),
    )


ATIF = {
    "schema_version": "ATIF-v1.7",
    "session_id": "s_1",
    "trajectory_id": "t_1",
    "agent": {"name": "tester", "version": "1", "model_name": "m"},
    "steps": [
        {"step_id": 1, "source": "system", "message": "You are an agent."},
        {"step_id": 2, "source": "user", "message": [{"type": "text", "text": "Create a file."}]},
        {
            "step_id": 3,
            "source": "agent",
            "message": "Two things.",
            "reasoning_content": "Hm.",
            "tool_calls": [
                {"tool_call_id": "1", "function_name": "bash", "arguments": {"command": "touch a"}},
                {"tool_call_id": "2", "function_name": "look", "arguments": {}},
                {
                    "tool_call_id": "3",
                    "function_name": "execute_bash",
                    "arguments": {"command": "ls"},
                    "extra": {"adp_class": "code_action", "language": "bash"},
                },
            ],
            "observation": {
                "results": [
                    {"source_call_id": "1", "content": "ok"},
                    {
                        "content": [
                            {"type": "image", "source": {"path": "a.png"}},
                            {"type": "text", "text": "seen"},
                        ]
                    },
                ]
            },
        },
        {"step_id": 4, "source": "agent", "message": "", "observation": {"results": [{"content": "bell"}]}},
        {"step_id": 5, "source": "user", "message": "old", "is_copied_context": True},
        {"step_id": 6, "source": "agent", "message": "Done.", "extra": {"reward": 1}},
    ],
    "extra": {"source_dataset": "made up", "raw": {"id": 1}, "adp_details": {"branch": "main"}},
}


def test_steps_of_atif(tmp_path: Path) -> None:
    report = ImportReport()
    (record,) = trajectories("adp", write_json(tmp_path / "a.json", [ATIF]), report)
    assert record.id == "t_1"
    assert record.instruction == "Create a file."
    assert record.steps == (
        Step("Create a file.", 'bash({"command":"touch a"})', "Hm.\nTwo things."),
        Step("Create a file.", "look({})"),
        Step("Create a file.", "```bash\nls\n```"),
        Step("ok\nseen\nbell", 'respond({"content":"Done."})'),
    )
    assert record.final_observation is None
    assert record.outcome == {"reward": 1}
    assert record.metadata == {
        "source_dataset": "made up",
        "branch": "main",
        "agent": "tester",
        "model": "m",
        "schema_version": "ATIF-v1.7",
        "file": "a.json",
        "images": ["a.png"],
    }
    assert report.skipped == {"system message": 1, "step copied from another trajectory": 1}


def test_a_web_page_that_atif_keeps_beside_an_empty_content(tmp_path: Path) -> None:
    page = {"content": "", "extra": {"web": {"axtree": "[1] link", "html": "<a>"}, "reward": 2}}
    steps = [
        {"source": "user", "message": "Go."},
        {"source": "agent", "message": "Going.", "observation": {"results": [page]}},
    ]
    (record,) = trajectories("adp", write_json(tmp_path / "a.json", {"steps": steps}), ImportReport())
    assert (record.id, record.final_observation, record.outcome) == ("a/0", "[1] link", {"reward": 2})


def test_what_is_no_trajectory_is_counted(tmp_path: Path) -> None:
    report = ImportReport()
    say = {"class_": "message_action", "content": "Hello"}
    items = [
        {"messages": []},
        {"content": [text("Hello?", "user")]},
        {"content": [say]},
        {
            "content": [say, {"class_": "sound"}, {"class_": "message_action", "content": ""}],
            "details": {"task": "T"},
        },
        {"steps": [{"source": "oracle"}, {"source": "agent", "tool_calls": [{"arguments": {}}]}]},
    ]
    (record,) = trajectories("adp", write_json(tmp_path / "a.json", items), report)
    assert (record.id, record.instruction) == ("a/3", "T")
    assert report.skipped == {
        "not a trajectory": 1,
        "trajectory without an action": 2,
        "trajectory without an instruction": 1,
        "entry of an unknown class": 1,
        "message without text": 1,
        "step of an unknown source": 1,
        "tool call without a name": 1,
    }
