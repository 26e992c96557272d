"""The pages as they are read: what they show is asked of a real service, what they name exists."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.docs.pages import Exchange, all_blocks, blocks, commands, differences, exchanges
from tests.support.commands import unknown
from tests.support.served import ROOT, is_sample, served

BLOCKS = all_blocks()
EXCHANGES = list(exchanges(BLOCKS))
COMMANDS = list(commands(BLOCKS))
RUNNING = [block for block in BLOCKS if block.language == "python" and block.mark == "run"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service with the sample collections that the pages ask."""
    words = {str(one.body.get("collection", "")) for one in EXCHANGES if isinstance(one.body, dict)}
    words |= {part for one in EXCHANGES for part in one.path.split("/")}
    words |= {"babyai"} if RUNNING else set()
    names = sorted(word for word in words if word and is_sample(word))
    with (
        served(tmp_path_factory.mktemp("served"), names) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield client


@pytest.mark.parametrize("shown", EXCHANGES, ids=lambda one: one.where)
def test_a_request_is_answered_as_shown(client: httpx.Client, shown: Exchange) -> None:
    answer = client.request(shown.method, shown.path, json=shown.body)
    assert answer.status_code < 300, answer.text
    if shown.answer is not None:
        assert differences(shown.answer, answer.json()) == []


@pytest.mark.parametrize(("where", "line"), COMMANDS, ids=[f"{where} {line}" for where, line in COMMANDS])
def test_a_command_exists_with_its_options(where: str, line: str) -> None:
    assert unknown(line) is None, where


def test_marked_python_runs(client: httpx.Client) -> None:
    for block in RUNNING:
        code = block.text.replace("http://127.0.0.1:8000", str(client.base_url).rstrip("/"))
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{block.where}: {done.stderr}"


def test_other_python_is_python() -> None:
    for block in BLOCKS:
        if block.language == "python":
            compile(block.text, block.where, "exec")


def test_the_readme_shows_a_request_and_its_answer() -> None:
    found = list(exchanges(blocks(ROOT / "README.md")))
    assert [one for one in found if one.path == "/retrieve" and one.answer is not None]


@pytest.mark.parametrize(
    ("shown", "real"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": "…"}, {"a": {"any": "thing"}}),
        ({"a": "You see…"}, {"a": "You see: a door"}),
        ([1, "…"], [1, 2, 3]),
        ([{"rank": 1}], [{"rank": 1}, {"rank": 2}]),
        ([{"index": 7, "action": "go"}], [{"index": 6}, {"index": 7, "action": "go"}]),
        (0.93, 0.931),
        ([], []),
        (None, None),
    ],
)
def test_what_is_left_out_may_be_anything(shown: Any, real: Any) -> None:
    assert differences(shown, real) == []


@pytest.mark.parametrize(
    ("shown", "real"),
    [
        ({"a": 1}, {}),
        ({"a": "You see…"}, {"a": "I see"}),
        ([1, 2], [1]),
        ([{"rank": 2}], [{"rank": 1}]),
        ([], [1]),
        (0.93, 0.95),
        (True, 1),
        (True, False),
        (None, 0),
        ("a", None),
        (1, "1"),
    ],
)
def test_what_is_shown_must_be_so(shown: Any, real: Any) -> None:
    assert len(differences(shown, real)) == 1
