"""The command line as a user has it: a process with its own standard streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from typer.testing import CliRunner, Result

from service.cli import app

ROOT = Path(__file__).resolve().parents[2]
FAST = ("--set", "embedder=hashing-64")
"""For `ingest`: an embedder that loads nothing."""
COMMAND = (sys.executable, "-m", "service.cli")


def environment(data: Path) -> dict[str, str]:
    """The environment of a process that works on this data folder and no other."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PRECEDENT_")}
    return kept | {"PRECEDENT_DATA_DIR": str(data), "PYTHONPATH": str(ROOT)}


Shell: TypeAlias = Callable[..., Result]


def shell_on(data: Path) -> Shell:
    """Runs commands on a data folder within this process; `code` is how they must end."""

    def run(*arguments: str | Path, code: int = 0, given: bytes = b"") -> Result:
        words = [str(argument) for argument in arguments]
        result = CliRunner().invoke(app, words, given, {"PRECEDENT_DATA_DIR": str(data)})
        assert result.exit_code == code, (result.stdout, result.stderr)
        return result

    return run


def answer(result: Result) -> dict[str, Any]:
    """What a command said with `--json`."""
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def one_line(result: Result) -> str:
    """The one line that a refused command says."""
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("precedent: ")
    return line.removeprefix("precedent: ")


def precedent(data: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end, `given` on its standard input."""
    return subprocess.run(
        [*COMMAND, *arguments],
        input=given,
        capture_output=True,
        env=environment(data),
        check=False,
        timeout=600,
    )


def begin(data: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command that is fed, watched or killed while it runs."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(data),
    )


def lines_of(*records: Any) -> bytes:
    """Values as NDJSON."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def trajectory(number: int) -> dict[str, Any]:
    """A small trajectory that differs from all of other numbers."""
    steps = [
        {"observation": f"Page {number}: a form with one field", "action": f"type [{number}]"},
        {"observation": f"Page {number}: sent", "action": "stop"},
    ]
    return {"id": f"t{number:05}", "instruction": f"Send form number {number}", "steps": steps}
