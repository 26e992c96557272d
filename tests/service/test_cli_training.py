"""`precedent export --format sft`: a collection as chat messages to train on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.support.shell import FAST, Shell, lines_of, one_line, shell_on, trajectory

LONG = {
    "id": "t9",
    "instruction": "read on",
    "steps": [
        {"observation": "a page", "action": "turn"},
        {"observation": "word " * 9_000, "action": "close"},
        {"observation": "the desk", "action": "write " * 9_000},
    ],
    "outcome": {"success": True},
}
FAILED = trajectory(3) | {"outcome": {"success": False, "reward": 0.2}}
DOCUMENT = {"id": "guide", "title": "Forms", "text": "How to send a form"}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    found = shell_on(tmp_path / "data")
    path = tmp_path / "records.ndjson"
    path.write_bytes(lines_of(trajectory(2), trajectory(1), LONG, FAILED, DOCUMENT))
    found("ingest", path, "-c", "forms", *FAST, "--no-index")
    return found


def pairs(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def named(result: Result) -> list[tuple[str, int]]:
    return [(pair["id"], pair["step"]) for pair in pairs(result)]


def test_every_step_of_what_went_well_is_a_pair_in_the_order_of_ids(shell: Shell) -> None:
    result = shell("export", "forms", "--format", "sft")
    assert named(result) == [("t00001", 0), ("t00001", 1), ("t00002", 0), ("t00002", 1), ("t9", 0), ("t9", 1)]
    assert result.stderr.splitlines()[-1] == (
        "precedent: 6 pairs of 3 trajectories; "
        "left out: 1 failed trajectories, 1 steps of more than 8,192 tokens"
    )
    first = pairs(result)[0]["messages"]
    assert [message["role"] for message in first] == ["system", "user", "assistant"]
    assert "Task: Send form number 1" in first[1]["content"]
    assert first[2]["content"] == "type [1]"


def test_failures_come_where_they_are_asked_for(shell: Shell) -> None:
    result = shell("export", "-f", "sft", "--failures")
    assert ("t00003", 1) in named(result)
    assert "failed" not in result.stderr


def test_the_limit_and_what_counts_it_can_be_chosen(shell: Shell) -> None:
    wide = shell("export", "-f", "sft", "--tokenizer", "words", "--most-tokens", "20000")
    assert ("t9", 2) in named(wide)
    assert "left out …]" not in wide.stdout
    narrow = shell("export", "-f", "sft", "--most-tokens", "300")
    assert "characters left out …]" in narrow.stdout
    assert "of more than 300 tokens" in narrow.stderr
    assert "unknown tokenizer" in one_line(shell("export", "-f", "sft", "--tokenizer", "no one's", code=2))


def test_a_file_is_whole_and_the_same(shell: Shell, tmp_path: Path) -> None:
    output = tmp_path / "train.jsonl"
    result = shell("export", "-f", "sft", "--output", output)
    assert result.stdout == ""
    assert f"6 pairs of 3 trajectories in {output}" in result.stderr
    assert output.read_text() == shell("export", "-f", "sft").stdout


@pytest.mark.parametrize("option", [("--failures",), ("--most-tokens", "10"), ("--tokenizer", "words")])
def test_options_of_the_one_format_are_refused_with_the_other(shell: Shell, option: tuple[str, ...]) -> None:
    assert "--format sft" in one_line(shell("export", *option, code=2))


def test_documents_are_nothing_to_train_on(shell: Shell) -> None:
    assert "no steps" in one_line(shell("export", "-f", "sft", "--kind", "document", code=2))
