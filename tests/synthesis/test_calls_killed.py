"""kill -9 of a run in the middle of its calls."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from indexing.errors import Conflict
from retrievers.language_model import ScriptedModel
from synthesis.errors import CallFailed
from tests.synthesis.asking import CONCURRENCY, QUESTIONS, ROOT, expected, number, opened

KILLS = 6


def run(folder: Path, lines: int | None) -> dict[int, str]:
    """Run the asking program, killed after so many lines; what it was told, by question."""
    command = [sys.executable, "-m", "tests.synthesis.asking", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [line for line, _ in zip(process.stdout, range(lines or QUESTIONS), strict=False)]
        if lines is not None:
            process.kill()
        told += process.stdout.readlines()
    assert lines is not None or process.returncode == 0
    pairs = (line.split() for line in told if line.endswith("\n"))
    return {int(question): answer for question, answer in pairs}


def test_a_folder_is_refused_while_another_process_works_in_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.synthesis.asking", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(Conflict, match=f"another process works on the run in {tmp_path}"):
            opened(tmp_path, ScriptedModel([]))
        process.kill()
    assert asyncio.run(on_disk(tmp_path, ())) == {}


async def on_disk(folder: Path, questions: Iterable[int]) -> dict[int, str]:
    """What a run is told by its cache alone."""
    told = {}
    async with opened(folder, ScriptedModel([])) as calls:
        for question in questions:
            try:
                told[question] = str(await calls.ask("act", "Square it.", str(question), number))
            except CallFailed as error:
                told[question] = error.kind
    return told


def test_a_killed_run_loses_nothing_it_was_told_and_pays_for_none_of_it_again(tmp_path: Path) -> None:
    chance = random.Random("calls")
    sent = tmp_path / "sent"
    told: dict[int, str] = {}
    for lines in sorted(chance.sample(range(1, QUESTIONS), KILLS)):
        begun = len(sent.read_text().splitlines()) if sent.exists() else 0
        now = run(tmp_path, lines)
        asked_again = {int(prompt) for prompt in sent.read_text().splitlines()[begun:]}
        assert not asked_again & told.keys()
        told |= now
        assert told == {question: expected(question) for question in told}
        assert asyncio.run(on_disk(tmp_path, told)) == told
    assert run(tmp_path, None) == {question: expected(question) for question in range(QUESTIONS)}
    times = Counter(map(int, sent.read_text().splitlines()))
    undisturbed = {question: 3 if question % 7 == 0 else 1 for question in range(QUESTIONS)}
    assert all(times[question] >= undisturbed[question] for question in undisturbed)
    assert times.total() <= sum(undisturbed.values()) + KILLS * CONCURRENCY
