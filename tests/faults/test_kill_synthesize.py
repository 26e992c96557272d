"""kill -9 of `precedent synthesize`: the same command again ends as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from synthesis.call_settings import PATIENT
from tests.environments.household import GOALS, write_games
from tests.faults.rounds import SYNTHESIS_KILLS, moments, seeded
from tests.support.model_servers import model_server
from tests.support.shell import COMMAND, environment, precedent
from tests.support.workers import named, works, write_document

ALL_SPANS = "--scripted", "--spans", "0"


@dataclass(frozen=True)
class Making:
    """A run with its folder and its collection in one place, begun as often as one likes."""

    place: Path
    games: Path
    arguments: tuple[str, ...]
    model: dict[str, str] = field(default_factory=dict)

    def begin(self) -> subprocess.Popen[bytes]:
        """The command, as a process of its own."""
        tasks = (word for name in GOALS for word in ("-t", name))
        where = ("--place", str(self.games), "--run", str(self.place / "run"), "--no-index")
        return subprocess.Popen(
            [*COMMAND, "synthesize", "-e", "alfworld", *tasks, *where, *self.arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(self.place / "data") | self.model,
        )

    def killed(self, moment: float, length: float) -> None:
        """Run it and kill it then, if it hasn't ended."""
        with self.begin() as process:
            try:
                process.communicate(timeout=moment)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        done = "ended before" if process.returncode == 0 else "killed after"
        print(f"{self.place.name}: {done} {moment:.3f} of {length:.3f} s")
        assert process.returncode in (0, -9)

    def finish(self) -> float:
        """Run it to its end; how long that took."""
        begun = time.monotonic()
        with self.begin() as process:
            _, talk = process.communicate(timeout=600)
        assert process.returncode == 0, talk.decode()
        return time.monotonic() - begun

    def made(self) -> tuple[bytes, dict[str, Any]]:
        """The collection's records as they are exported; the summary, what came from the cache aside."""
        exported = precedent(self.place / "data", "export", "synthesized")
        assert exported.returncode == 0, exported.stderr.decode()
        summary: dict[str, Any] = json.loads((self.place / "run" / "summary.json").read_bytes())
        del summary["spent"]["cached"]
        return exported.stdout, summary


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_games(tmp_path_factory.mktemp("games"))


def test_a_killed_scripted_run_ends_with_the_same_records_and_calls(
    tmp_path: Path, games: Path, fault_round: str
) -> None:
    chance = seeded("precedent synthesize --scripted")
    whole = Making(tmp_path / "whole", games, ALL_SPANS)
    length = whole.finish()
    expected = whole.made()
    assert expected[1]["kept"] == len(expected[0].splitlines()) > 0
    for number, share in enumerate(moments(chance, SYNTHESIS_KILLS[fault_round])):
        making = Making(tmp_path / f"run {number}", games, ALL_SPANS)
        making.killed(share * length, length)
        making.finish()
        assert making.made() == expected


def test_a_run_killed_again_and_again_pays_twice_for_what_was_in_flight_at_the_most(
    tmp_path: Path, games: Path, fault_round: str
) -> None:
    chance = seeded("precedent synthesize")
    arguments = "--spans", "4", str(write_document(tmp_path))
    kills = SYNTHESIS_KILLS[fault_round]
    with model_server(works(0.02)) as server:
        whole = Making(tmp_path / "whole", games, arguments, named(server))
        length = whole.finish()
        calls = len(server.asked)
        assert whole.made()[1]["spent"]["calls"] == calls > 0
        often = Making(tmp_path / "often", games, arguments, named(server))
        for share in sorted(moments(chance, kills)):
            often.killed(share * length, length)
        often.finish()
        again = len(server.asked) - calls
    assert often.made() == whole.made()
    print(f"{calls} calls undisturbed, {again} with {kills} kills")
    assert calls <= again <= calls + kills * PATIENT.concurrency
