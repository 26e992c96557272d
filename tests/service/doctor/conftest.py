"""An installation for doctor to look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shell import FAST, lines_of, shell_on, trajectory


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one collection that has a generation."""
    shell = shell_on(tmp_path / "data")
    (tmp_path / "records.ndjson").write_bytes(lines_of(*map(trajectory, range(5))))
    shell("ingest", tmp_path / "records.ndjson", *FAST, "-c", "forms")
    return tmp_path / "data"
