"""The closed-loop benchmark on a tiny world: its page is that of `precedent compare`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import closed_loop
from environments.base import Task
from evaluation.closed_loop import World
from evaluation.worlds import gold_paths
from tests.evaluation.errands import Errands

SETTINGS = {"embedder": "hashing-64", "tokenizer": "words"}


def world(folder: Path) -> World:
    shown = [Task("errand", number) for number in range(0, 20, 2)]
    return World(
        "alfworld",
        Errands(),
        lambda: gold_paths(Errands, shown, folder / "paths.ndjson"),
        [Task("errand", 1)],
        12,
        SETTINGS,
    )


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *more: str) -> int:
    monkeypatch.setattr(closed_loop, "data_folder", lambda: folder)
    monkeypatch.setattr(closed_loop, "worlds", lambda *_: {"alfworld": lambda: world(folder)})
    arguments = ["--out", str(folder / "out"), "--world", "alfworld", "--variants", "instruction,agentic"]
    monkeypatch.setattr(sys, "argv", ["closed_loop", *arguments, *more])
    return closed_loop.main()


def test_the_benchmark_writes_the_page_of_a_comparison(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "In closed loop" in page
    assert "python -m benchmarks.closed_loop --out FOLDER --world alfworld" in page
    numbers = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert set(numbers["loop"]["worlds"]["alfworld"]["variants"]) == {"instruction", "agentic"}
    assert capsys.readouterr().out.startswith("in closed loop")
    assert run(monkeypatch, tmp_path) == 2
    assert "--resume to go on" in capsys.readouterr().err
    assert run(monkeypatch, tmp_path, "--resume") == 0
