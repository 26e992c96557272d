"""`precedent synthesize` on a small household, scripted or with an endpoint that works by rule."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from service.commands import progress
from service.commands.synthesize_models import readable
from tests.environments.household import write_games
from tests.support.model_servers import model_server
from tests.support.shell import COMMAND, FAST, Shell, answer, environment, one_line, shell_on
from tests.support.workers import named, works, write_document

TASK = "look_at-Cup"
EXPERT = "--scripted", "--no-index"


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_games(tmp_path_factory.mktemp("games"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def shell(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell in a folder of its own, where no model is named."""
    for name in ("NAME", "URL", "API_KEY"):
        monkeypatch.delenv(f"PRECEDENT_MODEL_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return shell_on(data)


def household(games: Path, *more: str) -> tuple[str, ...]:
    return ("synthesize", "-e", "alfworld", "--place", str(games), *more)


def records(shell: Shell) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shell("export", "synthesized").stdout.splitlines()]


def test_a_scripted_run_fills_a_collection_that_answers(shell: Shell, games: Path, tmp_path: Path) -> None:
    shell("ingest", "-", "-c", "synthesized", *FAST, "--no-index", given=b"")
    result = shell(*household(games, "-t", TASK, "-t", TASK, "--scripted", "--json"))
    made = answer(result)
    assert made["rollouts"] == 1
    assert made["kept"] == len(records(shell)) > 0
    assert made["spent"]["calls"] > 0
    written = json.loads((tmp_path / "synthesis-synthesized" / "summary.json").read_bytes())
    assert written == made
    plan = json.loads((tmp_path / "synthesis-synthesized" / "plan.json").read_bytes())
    assert plan["models"] == {"construct": "rule-summariser"}
    constructed = [one for one in records(shell) if "outcome" not in one]
    assert {one["metadata"]["constructed_by"] for one in constructed} == {"rule-summariser"}
    first = records(shell)[0]
    found = shell(
        "retrieve", "-c", "synthesized", "--observation", first["steps"][0]["observation"], "--json"
    )
    assert answer(found)["demonstrations"]


def test_what_was_made_is_told_in_lines(shell: Shell, games: Path) -> None:
    told = shell(*household(games, "-t", TASK, *EXPERT)).stdout
    lines = dict(line.split(":", 1) for line in told.splitlines())
    assert lines["rollouts"].strip() == "1"
    assert "original 1" in lines["by construction"]
    assert "calls " in lines["spent"]
    assert "stopped" not in lines


def test_a_dry_run_keeps_nothing_and_asks_nobody(shell: Shell, games: Path, tmp_path: Path) -> None:
    document = write_document(tmp_path)
    before = sorted(tmp_path.iterdir())
    most = answer(shell(*household(games, "-t", TASK, "--steps", "4", "--dry-run", "--json", str(document))))
    assert (most["documents"], most["passages"], most["rollouts"], most["steps"]) == (1, 1, 3, 12)
    assert most["calls"] == 1 + 12 + most["examples"] + most["examples"] + 3
    assert sorted(tmp_path.iterdir()) == before


NONSENSE: list[tuple[tuple[str, ...], str]] = [
    ((), "--task: name at least one"),
    (("-t", f"{TASK}:5-2"), "--task: name at least one"),
    (("-t", f"{TASK}:x"), "write NAME, NAME:3 or NAME:0-9"),
    (("-t", f"{TASK}:0-999999999999"), "at most 100,000 variations at once"),
    (("-t", TASK, "-e", "nowhere"), "no environment 'nowhere'; there are alfworld"),
    (("-t", TASK, "-e", "miniwob", "--scripted"), "no environment with an expert 'miniwob'"),
    (("-t", "polish", "--scripted"), "no game, task type or split 'polish'"),
    (("-t", f"{TASK}:7", "--scripted"), "games 0 to 0, not 7"),
    (("-t", TASK, "--place", "nowhere", "--scripted"), "are not at nowhere"),
    (("-t", TASK, "--place", "cups.md", "--scripted"), "cups.md is no archive"),
    (("-t", TASK), "name a model, such as --model openai:NAME"),
    (("-t", TASK, "--model", "openai:small"), "openai needs an API key"),
    (("-t", TASK, "--scripted", "--judge", "openai:some"), "--scripted asks no model"),
    (("-t", TASK, "--scripted", "--kinds", "poem"), "--kinds poem: there are abstraction, summary"),
    (("-t", TASK, "--scripted", "--kinds", ""), "there are abstraction, summary"),
    (("-t", TASK, "--scripted", "cups.md"), "--scripted writes no tasks from documents"),
    (("-t", TASK, "missing.md"), "missing.md: no such file or folder"),
    (("-t", TASK, "empty"), "empty: no document"),
    (("-t", TASK, "--scripted", "-c", "No Name"), "can't name a collection"),
    (("-t", TASK, "--scripted", "--run", "cups.md"), "'cups.md' is a file"),
    (("-t", TASK, "--scripted", "--steps", "0"), "--steps"),
    (("-t", TASK, "--road", "explore", "cups.md"), "--road explore tries no tasks from documents"),
    (("-t", TASK, "--road", "explore", "--majority"), "--road explore has one judge"),
    (("-t", TASK, "--road", "explore", "--judge", "a", "--judge", "b"), "name one --judge at the most"),
    (("-t", TASK, "--road", "tutorial"), "--road tutorial follows documents"),
    (("-t", TASK, "--road", "away"), "there are instruct, tutorial, explore"),
    (("-t", TASK, "--cost", "1"), "--cost needs the prices: give --price-in and --price-out"),
    (("-t", TASK, "--cost", "nan", "--price-in", "1", "--price-out", "1"), "for '--cost'"),
    (
        ("-t", TASK, "--price-in", "1"),
        "--price-out: say what a million tokens cost for act, construct, judge;",
    ),
    (
        ("-t", TASK, "--price-in", "act=1", "--price-out", "1"),
        "--price-in: say what a million tokens cost for",
    ),
    (("-t", TASK, "--price-in", "cook=1", "--price-out", "1"), "the roles are act, construct, judge"),
    (("-t", TASK, "--price-in", "-1", "--price-out", "1"), "--price-in -1: write NUMBER or ROLE=NUMBER"),
    (("-t", TASK, "--price-in", "act=much", "--price-out", "1"), "--price-in act=much: write NUMBER or"),
    (
        ("-t", TASK, "--scripted", "--price-in", "1", "--price-out", "1"),
        "--scripted asks no model, so",
    ),
    (("-t", TASK, "--scripted", "--demonstrations", "some"), "shown to a model that acts as it likes"),
    (("-t", TASK, "--scripted", "--spans", "-1"), "--spans"),
]


@pytest.mark.parametrize(("arguments", "says"), NONSENSE, ids=[" ".join(words) for words, _ in NONSENSE])
def test_nonsense_exits_2_with_one_clear_line_and_leaves_nothing(
    shell: Shell, games: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    write_document(tmp_path)
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.iterdir())
    assert says in one_line(shell(*household(games, *arguments), code=2))
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("road", ["instruct", "explore"])
def test_a_dry_run_counts_what_a_scripted_run_then_takes(shell: Shell, games: Path, road: str) -> None:
    asked = household(games, "-t", TASK, *EXPERT, "--road", road, "--steps", "5", "--spans", "0", "--json")
    most, made = answer(shell(*asked, "--dry-run")), answer(shell(*asked))
    assert most["calls"] == most["examples"]
    assert made["spent"]["calls"] <= most["calls"]
    if road == "explore":
        assert {name: made[name] for name in ("rollouts", "steps", "spans", "examples")} == {
            name: most[name] for name in ("rollouts", "steps", "spans", "examples")
        }


def test_a_run_goes_on_only_as_it_was_begun(shell: Shell, games: Path) -> None:
    shell(*household(games, "-t", TASK, *EXPERT))
    other = shell(*household(games, "-t", TASK, *EXPERT, "--spans", "2", "--kinds", "summary"), code=2)
    assert "holds a run with other settings (spans, constructions)" in one_line(other)
    before = records(shell)
    assert shell(*household(games, "-t", TASK, *EXPERT, "--kinds", "summary, abstraction")).exit_code == 0
    assert records(shell) == before


def test_a_budget_stops_the_run_which_goes_on_with_a_larger_one(
    shell: Shell, games: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = household(
        games, "-t", TASK, "--no-index", "--spans", "3", "--json", str(write_document(tmp_path))
    )
    with model_server(works()) as server:
        for name, value in named(server).items():
            monkeypatch.setenv(name, value)
        stopped = shell(*asked, "--calls", "8", code=1)
        assert "more than 8 calls" in answer(stopped)["stopped"]
        assert "goes on from there" in stopped.stderr
        assert answer(stopped)["spent"]["calls"] == len(server.asked) == 8
        whole = answer(shell(*asked))
        assert whole["stopped"] is None
        assert whole["spent"]["calls"] == len(server.asked)
        assert whole["instructions"] == whole["rollouts"] == 2
        assert answer(shell(*asked)) | {"spent": None} == whole | {"spent": None}
        assert whole["spent"]["calls"] == len(server.asked)
    made = records(shell)
    assert {"openai:small"} == {one["metadata"]["model"] for one in made if "steps" in one}
    assert {"cups.md", "cups"} & {one["id"] for one in made}


def test_a_budget_in_money_stops_the_run_and_its_cost_is_told_everywhere(
    shell: Shell, games: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = household(games, "-t", TASK, "--no-index", "--spans", "3")
    priced = (*asked, "--price-in", "1000", "--price-out", "2000", "--price-in", "judge=500")
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    with model_server(works()) as server:
        for name, value in named(server).items():
            monkeypatch.setenv(name, value)
        most = answer(shell(*priced, "--dry-run", "--json"))["cost"]
        stopped = shell(*priced, "--cost", "5", "--json", code=1)
        assert "a cost over 5" in answer(stopped)["stopped"]
        assert 0 < answer(stopped)["spent"]["cost"] <= 5
        assert "records, cost 0\n" in stopped.stderr.replace("\r", "")
        done = shell(*priced, "--cost", str(most))
        assert ", cost " in done.stderr.splitlines()[-1]
        whole = answer(shell(*priced, "--json"))
        assert whole["stopped"] is None
        assert f"cost {readable(whole['spent']['cost'])}" in done.stdout
        assert 5 < whole["spent"]["cost"] < most
        assert whole["spent"]["calls"] == len(server.asked)


def test_an_interrupt_says_where_the_run_is_and_it_goes_on(data: Path, games: Path, tmp_path: Path) -> None:
    document = write_document(tmp_path)
    with model_server(works(0.05)) as server:
        command = [*COMMAND, *household(games, "-t", TASK, "--no-index", "--spans", "3", str(document))]
        run = subprocess.Popen(
            command, cwd=tmp_path, stderr=subprocess.PIPE, env=environment(data) | named(server)
        )
        while len(server.asked) < 4:
            assert run.poll() is None
        run.send_signal(signal.SIGINT)
        _, talk = run.communicate(timeout=60)
        assert run.returncode == 130
        assert talk.decode().splitlines()[-1].startswith("precedent: stopped; what was paid for is in")
        paid = len(server.asked)
        again = subprocess.run(
            [*command, "--json"],
            cwd=tmp_path,
            capture_output=True,
            env=environment(data) | named(server),
            check=True,
        )
        whole = json.loads(again.stdout)
        assert whole["stopped"] is None
        assert whole["spent"]["calls"] == len(server.asked) > paid
