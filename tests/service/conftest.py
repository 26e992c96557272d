from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.service.running import running


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A service of the test's own, ready."""
    with running(tmp_path) as client:
        yield client
