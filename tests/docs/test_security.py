"""docs/security.md names the test for each threat: it must be there, and each threat must name one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROW = re.compile(
    r"^\| (?!threat \||---)(?P<threat>[^|]+) \| (?P<against>[^|]+) \| (?P<shown>[^|]+) \|$", re.M
)

ROWS = [(row["threat"], row["shown"]) for row in ROW.finditer(PAGE.read_text("utf-8"))]


@cache
def names_in(file: str) -> frozenset[str]:
    """Names of the tests in a file, those in its classes too; none where there is no such file."""
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    found = ast.walk(ast.parse(path.read_text("utf-8")))
    return frozenset(node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize(("threat", "shown"), ROWS, ids=[threat for threat, _ in ROWS])
def test_each_threat_names_tests_that_exist(threat: str, shown: str) -> None:
    named = NAMED.findall(shown)
    assert named, threat
    assert [(file, name) for file, name in named if name not in names_in(file)] == []


def test_no_row_is_overlooked() -> None:
    lines = PAGE.read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith(("| threat", "|---"))]
    assert len(rows) == len(ROWS) > 25
