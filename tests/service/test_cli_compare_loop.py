"""`precedent compare --environment`: a collection as the memory of an agent in real BabyAI."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import evaluation.loop
from environments.babyai import BabyAI
from environments.base import Task
from evaluation.worlds import gold_path
from indexing.records import to_bytes
from tests.support.shell import FAST, Shell, answer, one_line, shell_on

pytest.importorskip("minigrid", reason="minigrid isn't installed: the extra `environments` brings it")

KNOWN = [Task("GoToObj", seed) for seed in range(8)]
PLAYED = ("-e", "babyai", "-t", "GoToObj:20-21", "-t", "GoToRedBall:3", "--actions", "15")
QUICK = ("--strategies", "none,instruction,agentic", "--budgets", "", "--episodes", "2", "--steps", "2")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What BabyAI's bot did in a few rooms."""
    path = tmp_path_factory.mktemp("bot") / "records.ndjson"
    rooms = BabyAI()
    path.write_bytes(b"".join(to_bytes(gold_path(rooms, task)) + b"\n" for task in KNOWN))
    rooms.close()
    return path


@pytest.fixture
def shell(tmp_path: Path, records: Path) -> Shell:
    """A shell on a collection of it."""
    shell = shell_on(tmp_path / "data")
    shell("ingest", records, "-c", "rooms", *FAST, "--no-index")
    return shell


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def timeless(found: dict[str, Any]) -> dict[str, Any]:
    """A closed loop's numbers without the milliseconds."""
    return {name: {**one, "ms": 0.0} for name, one in found["loop"]["across"]["variants"].items()}


def test_tasks_are_played_and_stand_on_the_page_beside_the_replay(shell: Shell, out: Path) -> None:
    result = shell("compare", "rooms", *PLAYED, *QUICK, "--out", out)
    assert {"report.html", "summary.json", "results.csv", "episodes.csv"} <= {
        one.name for one in out.iterdir()
    }
    shown = [line.split()[:3] for line in result.stdout.splitlines()]
    assert ["variant", "hit@1", "hit@5"] in shown
    assert ["in", "closed", "loop"] in shown
    page = (out / "report.html").read_text()
    numbers = json.loads((out / "summary.json").read_text())
    assert set(numbers["loop"]["across"]["variants"]) == {"none", "instruction", "agentic"}
    assert set(numbers["across"]["variants"]) == {"instruction", "agentic"}
    success = numbers["loop"]["across"]["variants"]["agentic"]["success"]["value"]
    assert f"<td>{success:.3f}<small>" in page
    assert "a chooser without a language model" in page
    assert "BabyAI, a grid of rooms" in page
    assert "trajectories of rooms" in page
    with (out / "episodes.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["variation"] for line in lines] == ["20"] * 3 + ["21"] * 3 + ["3"] * 3
    assert {line["family"] for line in lines} == {"GoToObj", "GoToRedBall"}


def test_who_only_plays_replays_nothing(shell: Shell, out: Path) -> None:
    found = answer(shell("compare", "rooms", *PLAYED, "--no-replay", "--out", out, "--json"))
    assert list(found) == ["report", "loop"]
    assert "random" in found["loop"]["across"]["variants"]
    assert not (out / "results.csv").exists()
    page = (out / "report.html").read_text()
    assert (
        "precedent compare rooms --environment babyai --task GoToObj:20-21 --task GoToRedBall:3 --actions 15 "
        "--no-replay"
    ) in page
    assert json.loads((out / "options.json").read_text())["replay"] is False


def test_resuming_plays_nothing_twice_and_ends_as_a_run_that_was_not_cut_off(shell: Shell, out: Path) -> None:
    asked = ("compare", "rooms", *PLAYED, *QUICK, "--no-replay", "--out", out, "--json")
    whole = answer(shell(*asked))
    kept = (out / "episodes.ndjson").read_bytes().splitlines(keepends=True)[:4]
    (out / "episodes.ndjson").write_bytes(b"".join(kept) + b'{"cut')
    again = answer(shell(*asked, "--resume"))
    assert (out / "episodes.ndjson").read_bytes().startswith(b"".join(kept))
    assert timeless(again) == timeless(whole)


def test_what_was_interrupted_says_how_to_go_on(
    shell: Shell, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    asked = ("compare", "rooms", *PLAYED, *QUICK, "--no-replay", "--out", out)
    with monkeypatch.context() as patched:
        patched.setattr(evaluation.loop, "play", interrupted)
        assert "--resume goes on from there" in shell(*asked, code=130).stderr
    changed = shell(*asked, "-t", "GoToObj:30", "--resume", code=2)
    assert "was begun with tasks" in one_line(changed)
    shell(*asked, "--resume")


def test_no_task_that_is_played_is_remembered(shell: Shell, out: Path) -> None:
    known = ("-e", "babyai", "-t", "GoToObj:0-2", "--actions", "3")
    found = answer(shell("compare", "rooms", *known, *QUICK, "--no-replay", "--out", out, "--json"))
    records = [json.loads(line) for line in shell("export", "rooms").stdout.splitlines()]
    played = {one["instruction"] for one in records if one["id"] in {f"GoToObj/{seed}" for seed in range(3)}}
    left = sum(one["instruction"] in played for one in records)
    assert f"{left} of the {len(records)} trajectories" in found["loop"]["across"]["held_out"]


NONSENSE: list[tuple[tuple[str, ...], str]] = [
    (("-e", "babyai"), "--task: name at least one that is played"),
    (("-e", "moon", "-t", "walk"), "no environment 'moon'; there are alfworld, babyai"),
    (("-e", "babyai", "-t", "Nowhere"), "BabyAI has no level 'Nowhere'"),
    (("-e", "babyai", "-t", "GoToObj:x"), "--task GoToObj:x: write NAME, NAME:3 or NAME:0-9"),
    (("-e", "babyai", "-t", "GoToObj", "--place", "here"), "babyai reads nothing: leave --place out"),
    (("-e", "alfworld", "-t", "train"), "alfworld needs its games"),
    (
        ("-e", "babyai", "-t", "GoToObj", "--by", "metadata.floor"),
        "of a task that is played an environment tells",
    ),
    (("-e", "babyai", "-t", "GoToObj:0-500"), "nothing is left to remember"),
    (("-e", "babyai", "-t", "GoToObj", "--agent-model", "none.gguf"), "none.gguf: no such file"),
    (("-e", "babyai", "-t", "GoToObj", "--strategies", "none"), "there is nothing to replay"),
    (("-e", "babyai", "-t", "GoToObj", "--strategies", "prior"), "names none that can be played"),
    (("-e", "babyai", "-t", "GoToObj", "--actions", "0"), "--actions"),
    (("-t", "GoToObj"), "--task: name the --environment that is played in, too"),
    (("--no-replay",), "--no-replay: name the --environment"),
    (("--strategies", "none"), "no strategy 'none'; choose among"),
]


@pytest.mark.parametrize(("arguments", "says"), NONSENSE, ids=[" ".join(words) for words, _ in NONSENSE])
def test_nonsense_exits_2_with_one_clear_line_and_leaves_nothing(
    shell: Shell, out: Path, arguments: tuple[str, ...], says: str
) -> None:
    assert says in one_line(shell("compare", "rooms", *arguments, "--out", out, code=2))
    assert not out.exists()
