"""`precedent compare`, on a few records and with an embedder that loads nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import evaluation.compare
from tests.support.shell import FAST, Shell, answer, lines_of, one_line, shell_on

SMALL = (
    "--episodes",
    "3",
    "--steps",
    "2",
    "--budgets",
    "300",
    "--strategies",
    "agentic,instruction,paper,prior",
)


def booking(number: int) -> dict[str, Any]:
    """An episode that others resemble; every third is of another kind."""
    verb = "hold" if number % 3 == 0 else "book"
    steps = [
        {"observation": f"The rooms of floor {number % 4}", "action": f"click [room {number % 5}]"},
        {"observation": f"Room {number % 5} is free", "action": f"click [{verb}]"},
    ]
    metadata = {"task": verb, "floor": number % 4, "place": {"city": "Oslo"}}
    return {"id": f"b{number}", "instruction": f"{verb} room {number}", "steps": steps, "metadata": metadata}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell on two small collections."""
    shell = shell_on(tmp_path / "data")
    path = tmp_path / "records.ndjson"
    path.write_bytes(lines_of(*map(booking, range(16))))
    for name in ("rooms", "halls"):
        shell("ingest", path, "-c", name, *FAST, "--no-index")
    return shell


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_a_report_is_written_and_the_figures_are_shown(shell: Shell, out: Path) -> None:
    result = shell("compare", "rooms", "halls", *SMALL, "--out", out)
    assert {"report.html", "summary.json", "results.csv", "options.json"} <= {
        path.name for path in out.iterdir()
    }
    lines = result.stdout.splitlines()
    assert lines[0].split()[0] == "variant"
    assert {"agentic", "instruction", "paper", "prior"} <= {line.split()[0] for line in lines if line.strip()}
    assert f"the report is {out / 'report.html'}" in result.stderr
    page = (out / "report.html").read_text()
    assert "precedent compare rooms halls --strategies agentic,instruction,paper,prior --episodes 3" in page


def test_a_program_reads_the_same_numbers(shell: Shell, out: Path) -> None:
    found = answer(shell("compare", "rooms", *SMALL, "--out", out, "--json"))
    written = json.loads((out / "summary.json").read_text())
    assert found["report"] == str(out / "report.html")
    assert (found["across"], found["collections"]) == (written["across"], written["collections"])
    assert written["options"]["collections"] == ["rooms"]
    assert found["collections"]["rooms"]["episodes"] == 3


def test_the_same_seed_gives_the_same_numbers(shell: Shell, tmp_path: Path) -> None:
    def scores(name: str) -> Any:
        found = answer(shell("compare", "rooms", *SMALL, "--seed", "4", "--out", tmp_path / name, "--json"))
        return [one["by_number"]["scores"] for one in found["across"]["variants"].values()]

    assert scores("one") == scores("two")


def test_resuming_goes_on_and_measures_nothing_twice(shell: Shell, out: Path) -> None:
    first = answer(shell("compare", "rooms", *SMALL, "--out", out, "--json"))
    rows = (out / "rows.ndjson").read_bytes()
    kept = rows.splitlines(keepends=True)[: rows.count(b"\n") // 2]
    (out / "rows.ndjson").write_bytes(b"".join(kept) + b'{"cut')
    again = answer(shell("compare", "rooms", *SMALL, "--out", out, "--resume", "--json"))
    assert (out / "rows.ndjson").read_bytes().startswith(b"".join(kept))
    assert again["across"]["situations"] == first["across"]["situations"]


def test_what_was_interrupted_says_how_to_go_on(
    shell: Shell, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(evaluation.compare, "compare", interrupted)
        assert (
            "--resume goes on from there" in shell("compare", "rooms", *SMALL, "--out", out, code=130).stderr
        )
    shell("compare", "rooms", *SMALL, "--out", out, "--resume")


def test_a_folder_in_use_is_not_overwritten(shell: Shell, out: Path) -> None:
    shell("compare", "rooms", *SMALL, "--out", out)
    assert "go on with --resume" in one_line(shell("compare", "rooms", *SMALL, "--out", out, code=2))
    changed = shell("compare", "rooms", *SMALL, "--seed", "1", "--out", out, "--resume", code=2)
    assert "with seed 0, now it is 1" in one_line(changed)
    other = shell("compare", "halls", *SMALL, "--out", out, "--resume", code=2)
    assert "with the collections rooms" in one_line(other)


def test_rows_of_changed_records_are_not_mixed(shell: Shell, out: Path, tmp_path: Path) -> None:
    shell("compare", "rooms", *SMALL, "--out", out)
    path = tmp_path / "more.ndjson"
    path.write_bytes(lines_of(booking(99)))
    shell("ingest", path, "-c", "rooms", "--no-index")
    changed = shell("compare", "rooms", *SMALL, "--out", out, "--resume", code=2)
    assert "begun before rooms changed" in one_line(changed)


def test_a_folder_of_something_else_is_left_alone(shell: Shell, out: Path) -> None:
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert "holds something else" in one_line(shell("compare", "rooms", *SMALL, "--out", out, code=2))
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


def test_scenes_can_be_held_out_by_what_the_metadata_tells(shell: Shell, out: Path) -> None:
    shell("compare", "rooms", *SMALL, "--by", "metadata.floor", "--out", out)
    assert json.loads((out / "options.json").read_text())["by"] == "metadata.floor"


NONSENSE: list[tuple[tuple[str, ...], str]] = [
    (("nowhere",), "there are"),
    (("No Name",), "can't name a collection"),
    (("rooms", "--strategies", "agentic,magic"), "no strategy 'magic'; choose among"),
    (("rooms", "--by", "metadata.room"), "has no metadata.room"),
    (("rooms", "--by", "metadata.place.city"), "nothing can be held out"),
    (("rooms", "--held-out", "1.5"), "between 0 and 1"),
    (("rooms", "--budgets", "many"), "numbers of tokens"),
    (("rooms", "--budgets", "0,500"), "numbers of tokens"),
    (("rooms", "--episodes", "0"), "--episodes"),
    (("rooms", "--k", "0"), "--k"),
    ((), "COLLECTION..."),
]


@pytest.mark.parametrize(("arguments", "says"), NONSENSE, ids=[" ".join(words) for words, _ in NONSENSE])
def test_nonsense_exits_2_with_one_clear_line_and_leaves_nothing(
    shell: Shell, out: Path, arguments: tuple[str, ...], says: str
) -> None:
    assert says in one_line(shell("compare", *arguments, "--out", out, code=2))
    assert not out.exists()


@pytest.mark.parametrize(
    ("names", "folder"), [(["rooms"], "compare-rooms"), (["rooms", "halls"], "compare-rooms-halls")]
)
def test_the_folder_is_named_after_the_collections(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], folder: str
) -> None:
    monkeypatch.chdir(tmp_path)
    shell("compare", *names, *SMALL)
    assert (tmp_path / folder / "report.html").is_file()
