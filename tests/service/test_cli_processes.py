"""The command line as a process: pipes, standard input, signals, imports."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from indexing.library import Library
from tests.support.shell import (
    COMMAND,
    FAST,
    answer,
    begin,
    environment,
    lines_of,
    precedent,
    shell_on,
    trajectory,
)


def exported(data: Path, name: str = "default") -> list[str]:
    """Ids of a collection's trajectories."""
    with Library(data) as library:
        row = library.catalog.get(name)
        return [stored.id for stored in library.records.scan(row.id, "trajectory", 1 << 62)] if row else []


def wait_for(count: int, data: Path, process: subprocess.Popen[bytes]) -> None:
    """Return when so many trajectories are on disk."""
    while len(exported(data)) < count:
        assert process.poll() is None
        time.sleep(0.1)


def test_export_piped_into_ingest_makes_the_same_collection(tmp_path: Path) -> None:
    records = lines_of(trajectory(1), trajectory(2), {"id": "d", "text": "A text"})
    assert precedent(tmp_path, "ingest", "-", "-c", "one", *FAST, "--no-index", given=records).returncode == 0
    first = precedent(tmp_path, "export", "one").stdout
    again = precedent(tmp_path, "ingest", "-", "-c", "two", *FAST, "--json", given=first)
    assert json.loads(again.stdout)["accepted"] == 3
    assert precedent(tmp_path, "export", "two").stdout == first


def test_results_and_talk_are_apart(tmp_path: Path) -> None:
    run = precedent(tmp_path, "ingest", "-", *FAST, "--json", given=lines_of(trajectory(1)) + b"{]\n")
    assert run.returncode == 1
    assert json.loads(run.stdout)["rejected"] == [
        {"file": "standard input", "line": 2, "error": json.loads(run.stdout)["rejected"][0]["error"]}
    ]
    assert all(line.startswith(b"precedent: ") for line in run.stderr.splitlines())


def test_a_pipe_closed_early_is_quiet(tmp_path: Path) -> None:
    records = lines_of(*map(trajectory, range(2_000)))
    assert precedent(tmp_path, "ingest", "-", *FAST, "--no-index", given=records).returncode == 0
    export = begin(tmp_path, "export")
    assert export.stdout is not None
    export.stdout.readline()
    export.stdout.close()
    assert export.stderr is not None
    with export, export.stderr:
        assert export.stderr.read() == b""
    assert export.returncode != 0


def test_an_interrupt_keeps_what_was_read_and_exits_130(tmp_path: Path) -> None:
    ingest = begin(tmp_path, "ingest", "-", *FAST, "--batch", "1")
    assert ingest.stdin is not None
    ingest.stdin.write(lines_of(trajectory(1)))
    ingest.stdin.flush()
    wait_for(1, tmp_path, ingest)
    ingest.send_signal(signal.SIGINT)
    _, talk = ingest.communicate(timeout=60)
    assert (ingest.returncode, talk) == (130, b"")
    assert exported(tmp_path) == ["t00001"]


@pytest.mark.parametrize("acknowledged", [1, 3])
def test_killed_in_the_middle_and_run_again_it_makes_the_same_collection(
    tmp_path: Path, acknowledged: int
) -> None:
    records = [trajectory(number) for number in range(40)]
    ingest = begin(tmp_path, "ingest", "-", *FAST, "--batch", "10")
    assert ingest.stdin is not None
    ingest.stdin.write(lines_of(*records[: acknowledged * 10 + 5]))
    ingest.stdin.flush()
    wait_for(acknowledged * 10, tmp_path, ingest)
    ingest.kill()
    ingest.communicate(timeout=60)
    assert exported(tmp_path) == [record["id"] for record in records[: acknowledged * 10]]
    again = precedent(tmp_path, "ingest", "-", "--json", given=lines_of(*records))
    assert (again.returncode, json.loads(again.stdout)["unchanged"]) == (0, acknowledged * 10)
    assert exported(tmp_path) == [record["id"] for record in records]
    assert answer(shell_on(tmp_path)("status", "--json"))["collections"][0]["changes"] == 0


def test_what_needs_no_model_imports_none(tmp_path: Path) -> None:
    precedent(tmp_path, "ingest", "-", *FAST, "--no-index", given=lines_of(trajectory(1)))
    for arguments in (("--help",), ("status",), ("export",)):
        run = subprocess.run(
            [COMMAND[0], "-X", "importtime", *COMMAND[1:], *arguments],
            capture_output=True,
            env=environment(tmp_path),
            check=True,
        )
        imported = {line.rsplit(b"|", 1)[-1].strip().split(b".")[0] for line in run.stderr.splitlines()}
        assert imported & {b"torch", b"transformers", b"sentence_transformers", b"faiss", b"fastapi"} == set()
