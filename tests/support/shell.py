"""The command line as a user has it: a process with its own standard streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "service.cli")


def environment(data: Path) -> dict[str, str]:
    """The environment of a process that works on this data folder and no other."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PRECEDENT_")}
    return kept | {"PRECEDENT_DATA_DIR": str(data), "PYTHONPATH": str(ROOT)}


def precedent(data: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end, `given` on its standard input."""
    return subprocess.run(
        [*COMMAND, *arguments],
        input=given,
        capture_output=True,
        env=environment(data),
        check=False,
        timeout=120,
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
