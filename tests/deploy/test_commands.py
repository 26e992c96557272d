"""What deploy/, the pages' prose and our own messages tell people to type exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from service.cli import app
from tests.support.commands import unknown

ROOT = Path(__file__).resolve().parents[2]
GROUP: Any = typer.main.get_command(app)

CALLED = re.compile(
    r"(?:run(?: --?[\w-]+(?: [\w/:.]+)??)* precedent|bin/precedent|-T precedent) (?P<line>[^\n#\"|>]+)"
)
"""The program in a container or by its path; `precedent` alone is a service's name there as well."""

QUOTED = re.compile(r"`precedent (?P<line>[a-z][^`|\n]*)`")
TOLD = re.compile(r"(?:run|then|start it|again): precedent (?P<line>[a-z]+(?: --?[a-z-]+)*)")


def texts(*patterns: str) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file():
                yield str(path.relative_to(ROOT)), path.read_text("utf-8")


def called() -> Iterator[tuple[str, str]]:
    for where, text in texts("deploy/**/*", "docs/operating.md", "Makefile"):
        for found in (*CALLED.finditer(text), *QUOTED.finditer(text)):
            yield where, found["line"].strip()
    for where, text in texts("README.md", "docs/*.md", "CHANGELOG.md"):
        for found in QUOTED.finditer(text):
            yield where, found["line"].strip()
    for where, text in texts("service/**/*.py", "indexing/**/*.py", "retrievers/**/*.py"):
        for found in (*TOLD.finditer(text), *QUOTED.finditer(text)):
            yield where, found["line"].strip()


LINES = sorted(set(called()))


@pytest.mark.parametrize(("where", "line"), LINES, ids=[f"{where} {line}" for where, line in LINES])
def test_what_people_are_told_to_type_can_be_called(where: str, line: str) -> None:
    group, *words = line.split()
    if hasattr(GROUP.commands.get(group), "commands") and set("".join(words)) <= {"…"}:
        return  # a group by its name
    assert unknown(line) is None, where


def test_they_are_found() -> None:
    told = {line for where, line in LINES if where.startswith("deploy/")}
    assert "keys create agents --scope retrieve" in told
    assert "keys create prometheus --scope admin" in told
    assert "serve" in told
    assert unknown("keys create --scopes x") == "--scopes"
    assert unknown("keys destroy") == "destroy"
    assert unknown("restart") == "restart"


def test_the_image_starts_a_command_that_exists() -> None:
    text = (ROOT / "deploy" / "Containerfile").read_text("utf-8")
    entry, command = (re.search(rf"^{word} (\[.*\])$", text, re.MULTILINE) for word in ("ENTRYPOINT", "CMD"))
    assert entry
    assert command
    program, *fixed = json.loads(entry[1])
    assert program.endswith("precedent")
    assert unknown(" ".join([*fixed, *json.loads(command[1])])) is None
