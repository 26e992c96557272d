"""`precedent synthesize` in the environments that are made of files, commands and ids: the real ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from environments.shell import ShellTask
from tests.environments.test_sql import make_zoo
from tests.support.model_servers import model_server
from tests.support.shell import Shell, answer, one_line, shell_on
from tests.support.workers import named, works

SERVER = f"{sys.executable} {Path(__file__).parents[1] / 'environments' / 'mcp_server.py'}"
GREET = ShellTask(
    "greet", "Make greet.sh say hello.", {"greet.sh": "echo helo\n"}, 'test "$(bash greet.sh)" = hello'
)
NOTE = {"name": "shop", "instruction": "Note milk.", "checks": {'read_note({"name": "shop"})': "milk"}}
GRID = "gymnasium:minigrid:MiniGrid-Empty-5x5-v0"
AHEAD = "go forward", "go forward", "turn right", "go forward", "go forward"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell in a folder of its own, where no model is named."""
    for name in ("NAME", "URL", "API_KEY"):
        monkeypatch.delenv(f"PRECEDENT_MODEL_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return shell_on(tmp_path / "data")


def write(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def made(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, actions: Sequence[str], *arguments: str | Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run in which a model does that, then says that it is done: its summary and its one whole success."""
    with model_server(works(actions=(*actions, "DONE"))) as server:
        for name, value in named(server).items():
            monkeypatch.setenv(name, value)
        summary = answer(shell("synthesize", *arguments, "--no-index", "--spans", "2", "--json"))
    records = map(json.loads, shell("export", "synthesized").stdout.splitlines())
    (whole,) = (record for record in records if record["source"]["construction"] == "original")
    return summary, whole


def test_questions_are_answered_in_sql(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_zoo(tmp_path / "zoo").close()
    asked = "SELECT name FROM keeper WHERE id = (SELECT keeper_id FROM animal WHERE name = 'Zaz')"
    # The right rows end the episode only once they are handed in.
    summary, whole = made(
        shell, monkeypatch, ["SHOW TABLES", asked], "-e", "sql", "--place", "zoo", "-t", "zoo"
    )
    assert whole["instruction"] == "Who keeps Zaz?"
    assert [step["action"] for step in whole["steps"]] == ["SHOW TABLES", asked, "submit"]
    assert summary["failed"] == {}


def test_coding_tasks_are_done_in_a_shell(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = write(tmp_path / "tasks.json", [asdict(GREET)])
    mend = "sed -i s/helo/hello/ greet.sh"
    _, whole = made(
        shell, monkeypatch, ["cat greet.sh", mend], "-e", "shell", "--place", tasks, "-t", "greet"
    )
    assert whole["instruction"] == "Make greet.sh say hello."
    assert [step["action"] for step in whole["steps"]] == ["cat greet.sh", mend, "submit"]
    assert "The check passed." in whole["final_observation"]


def test_the_tools_of_a_server_are_called(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mcp", reason="mcp isn't installed: the extra `environments` brings it")
    tasks = write(tmp_path / "tasks.json", [NOTE])
    call = 'write_note({"name": "shop", "text": "milk"})'
    where = ("-e", f"mcp:{SERVER} --secret", "--place", tasks, "-t", "shop")
    _, whole = made(shell, monkeypatch, ["names()", call], *where)
    assert [step["action"] for step in whole["steps"]] == ["names()", call, "finish()"]
    plan = (tmp_path / "synthesis-synthesized" / "plan.json").read_text()
    assert "the tools of the server python" in plan
    assert "--secret" not in plan


def test_a_grid_of_gymnasiums_is_told_in_words(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("minigrid", reason="minigrid isn't installed: the extra `environments` brings it")
    _, whole = made(shell, monkeypatch, AHEAD, "-e", GRID, "-t", "3")
    assert [step["action"] for step in whole["steps"]] == list(AHEAD)
    assert whole["instruction"] == "get to the green goal square"
    assert whole["metadata"]["variation"] == 3
    explored = ("-e", GRID, "-t", "0-1", "--road", "explore", "--scripted", "--steps", "4", "-c", "explored")
    assert answer(shell("synthesize", *explored, "--no-index", "--json"))["steps"] == 8


NONSENSE: list[tuple[tuple[str, ...], str]] = [
    (("-e", "gymnasium", "-t", "0"), "--environment gymnasium: write gymnasium:ENV_ID"),
    (("-e", "gymnasium:Nowhere-v0", "-t", "0"), "Gymnasium makes no 'Nowhere-v0'"),
    (("-e", "gymnasium:nowhere:Room-v0", "-t", "0"), "gymnasium:nowhere:Room-v0: No module named"),
    (("-e", "gymnasium:CartPole-v1", "-t", "0"), "which takes names for 2 of them"),
    (("-e", "gymnasium:CartPole-v1", "-t", "0", "--place", "names.json"), "the observation is no text"),
    (("-e", GRID, "-t", "zero"), "--task zero: write 3 or 0-9, seeds"),
    (("-e", "mcp", "-t", "shop", "--place", "notes.json"), '--environment mcp: write mcp:"COMMAND …"'),
    (("-e", "mcp:'", "-t", "shop", "--place", "notes.json"), "No closing quotation"),
    (("-e", f"mcp:{SERVER}", "-t", "shop"), "mcp needs its tasks: name a file of them with --place"),
    (("-e", f"mcp:{SERVER}", "-t", "walk", "--place", "notes.json"), "no task 'walk' 0; there are shop"),
    (("-e", "mcp:nothing-such", "-t", "shop", "--place", "notes.json"), "the MCP server nothing-such"),
    (("-e", "shell", "-t", "greet"), "shell needs its tasks"),
    (("-e", "shell:bash", "-t", "greet"), "--environment shell:bash: write shell"),
    (("-e", "shell", "-t", "greet", "--place", "none.json"), "none.json: no such file"),
    (("-e", "shell", "-t", "greet", "--place", "broken.json"), "broken.json is no JSON"),
    (("-e", "shell", "-t", "greet", "--place", "empty.json"), "a JSON array with something in it"),
    (("-e", "shell", "-t", "greet", "--place", "names.json"), "names.json: 0: "),
    (("-e", "shell", "-t", "greet", "--place", "notes.json"), "a task has no checks; there are check, files"),
    (("-e", "shell", "-t", "away", "--place", "away.json"), "'../away' is no file below the task's folder"),
    (("-e", "shell", "-t", "greet", "--road", "explore", "--place", "greet.json"), "it can't be explored"),
    (("-e", "sql", "-t", "zoo"), "sql needs its questions and databases"),
    (("-e", "sql", "-t", "zoo", "--place", "."), "holds one file of questions, .json"),
    (("-e", "sql", "-t", "zoo", "--scripted", "--place", "zoo"), "no environment with an expert 'sql'"),
    (("-e", "sql", "-t", "farm:3", "--place", "zoo"), "there is no database 'farm'"),
    (("-e", "babyai", "-t", "GoToObj", "--place", "zoo"), "babyai reads nothing: leave --place out"),
]


@pytest.mark.parametrize(("arguments", "says"), NONSENSE, ids=[says for _, says in NONSENSE])
def test_what_an_environment_lacks_is_said_and_nothing_is_left(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    if "gymnasium" in arguments[1] or "mcp" in arguments[1]:
        pytest.importorskip("minigrid", reason="the extra `environments` isn't installed")
    monkeypatch.setenv("PRECEDENT_MODEL_NAME", "some")
    monkeypatch.setenv("PRECEDENT_MODEL_URL", "http://127.0.0.1:9/v1")
    make_zoo(tmp_path / "zoo").close()
    write(tmp_path / "notes.json", [NOTE])
    write(tmp_path / "names.json", ["left", "right"])
    write(tmp_path / "empty.json", [])
    write(tmp_path / "greet.json", [asdict(GREET)])
    write(tmp_path / "away.json", [asdict(GREET) | {"name": "away", "files": {"../away": ""}}])
    (tmp_path / "broken.json").write_text("[")
    before = sorted(tmp_path.iterdir())
    assert says in one_line(shell("synthesize", *arguments, code=2))
    assert sorted(tmp_path.iterdir()) == before
