"""Each example, run as its docstring says, against a service with a sample collection."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.served import ROOT, served


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("served"), ["babyai"]) as address:
        yield address


def run(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_agent_plays_by_precedent(address: str) -> None:
    pytest.importorskip("minigrid", reason="minigrid isn't installed: the extra `environments` brings it")
    told = run(sys.executable, "-m", "examples.agent", "--url", address, "--episodes", "3")
    assert len(re.findall(r"^  (?:no )?success after \d+ steps$", told, re.MULTILINE)) == 3
    met = re.search(r"^(\d) of 3 episodes succeeded$", told, re.MULTILINE)
    assert met is not None
    assert int(met[1]) >= 1
    assert re.search(r"^   1 .* [1-9]\.\d\d votes$", told, re.MULTILINE), "precedents vote at the first step"


def test_the_shell_example_prints_an_answer(address: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl isn't installed")
    answer = json.loads(run(ROOT / "examples" / "retrieve.sh", address))
    assert answer["demonstrations"][0]["match"]["kind"] == "exact"
    assert answer["prompt"].startswith("Demonstrations")


def test_a_log_becomes_demonstrations(address: str, tmp_path: Path) -> None:
    told = run(sys.executable, "-m", "examples.load_your_own", "--url", address)
    assert '"accepted": 2' in told
    assert "s1 (exact): Free some space on the build machine -> docker system prune --force" in told
    table = tmp_path / "log.csv"
    table.write_text("session,task,seen,done\ns9,Look,41G /var/lib/docker,ls\n")
    again = run(sys.executable, "-m", "examples.load_your_own", table, "--url", address)
    assert '"accepted": 1' in again
