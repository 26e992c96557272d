"""`precedent reindex --dry-run` and `--compare`: what would change is seen before it changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.shell import FAST, Shell, answer, lines_of, one_line, shell_on, trajectory


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A collection of eight trajectories, indexed."""
    run = shell_on(tmp_path / "data")
    records = tmp_path / "records.ndjson"
    records.write_bytes(lines_of(*map(trajectory, range(8))))
    run("ingest", records, "-c", "forms", *FAST)
    return run


def generations(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("data/collections/*/*/manifest.json"))


def served(shell: Shell) -> str:
    found: str = answer(shell("status", "--json"))["collections"][0]["generation"]
    return found


def test_the_same_settings_give_the_same_answers(shell: Shell, tmp_path: Path) -> None:
    before = generations(tmp_path), served(shell)
    found = answer(shell("reindex", "--dry-run", "--json"))
    assert (found["situations"], found["identical"], found["differing"]) == (8, 8, [])
    assert found["overlap"] == {"1": 1.0, "5": 1.0, "10": 1.0}
    assert (found["same_first_action"], found["mean_rank_change"], found["served"]) == (1.0, 0.0, False)
    assert found["fitted"] == {"old": False, "new": False}
    assert found["milliseconds"].keys() == {"old", "new"}
    assert (
        generations(tmp_path),
        answer(shell("status", "--json"))["collections"][0]["generation"],
    ) == before


def test_what_differs_is_told_by_its_place(shell: Shell, tmp_path: Path) -> None:
    situations = tmp_path / "situations.ndjson"
    asked = [
        {"instruction": "Send form number 3", "strategy": "model", "limits": {"total": 3}},
        {"observation": "Page 5: sent", "strategy": "observation", "episode": "e"},
        {"collection": "elsewhere", "instruction": "Not asked of this one"},
    ]
    situations.write_bytes(lines_of(*asked) + b"\n")
    found = answer(
        shell("reindex", "--dry-run", "--embedder", "hashing-8", "--situations", situations, "--json")
    )
    assert found["situations"] == 2
    assert {one["situation"] for one in found["differing"]} <= {1}
    assert answer(shell("status", "--json"))["collections"][0]["embedder"] == "hashing-64"
    told = shell("reindex", "--compare", "--embedder", "hashing-8", "--situations", situations).stdout
    assert "served now" in told.splitlines()[0]
    assert "in common: " in told
    assert answer(shell("status", "--json"))["collections"][0]["embedder"] == "hashing-8"


def test_nothing_to_compare_is_no_fault(tmp_path: Path) -> None:
    shell = shell_on(tmp_path / "data")
    empty = tmp_path / "one.ndjson"
    empty.write_bytes(lines_of(trajectory(1)))
    shell("ingest", empty, "-c", "forms", *FAST)
    found = answer(shell("reindex", "--dry-run", "--json"))
    assert (found["situations"], found["overlap"]["1"]) == (1, 1.0)
    (name,) = [json.loads(line)["id"] for line in shell("export").stdout.splitlines()]
    assert name == "t00001"


def test_what_can_not_be_compared_is_told_in_one_line(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "situations.ndjson"
    assert "goes with --dry-run" in one_line(shell("reindex", "--situations", file, code=2))
    assert "No such file" in one_line(shell("reindex", "--dry-run", "--situations", file, code=2))
    faults = {b"\n": "no situation of 'forms'", b"[]": ":1: not a JSON object", b"{}": "instruction"}
    for content, words in faults.items():
        file.write_bytes(content)
        assert words in one_line(shell("reindex", "--dry-run", "--situations", file, code=2))
