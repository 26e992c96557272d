"""A sample that `precedent synthesize` makes: the command itself, in a folder of which the pairs stay."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from indexing.records import Trajectory, trajectory_from_bytes


def synthesized(collection: str, arguments: Sequence[str]) -> list[Trajectory]:
    """The pairs that a run with these arguments accepts, by their ids."""
    with TemporaryDirectory() as folder:
        data = ("--data-dir", f"{folder}/data", "--collection", collection)
        pairs = Path(folder) / "pairs.ndjson"
        _precedent("synthesize", *arguments, "--run", f"{folder}/run", "--no-index", *data)
        _precedent("export", "--output", str(pairs), *data)
        return [trajectory_from_bytes(line) for line in pairs.read_bytes().splitlines()]


def _precedent(*arguments: str) -> None:
    """Run the command; what it answers is talk here."""
    subprocess.run([sys.executable, "-m", "service.cli", *arguments], stdout=sys.stderr, check=True)
