"""kill -9 amid a snapshot or a restore: the file is whole or the one before, the collections old or new."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.faults.answers import asked, comparable
from tests.faults.records import document, lines, situations, trajectory
from tests.faults.rounds import COMMAND_KILLS, COMMAND_RECORDS, moments, seeded
from tests.faults.serving import Serving
from tests.faults.test_kill_commands import killed, timed
from tests.support.shell import precedent

NAME = "forms"


def fill(serving: Serving, chance: random.Random, version: int, count: int) -> list[dict[str, Any]]:
    """Records of one version, indexed; the requests to ask of them."""
    records = [trajectory(chance, f"t{number}", version) for number in range(count)]
    for path, made in (
        ("trajectories", records),
        ("documents", [document(chance, f"d{number}", version) for number in range(count // 10)]),
    ):
        answer = serving.post_lines(f"/collections/{NAME}/{path}", lines(made))
        assert answer.status_code == 200, answer.text
    serving.settle(NAME)
    return situations(NAME, chance.choice(records))


def strays(data: Path) -> list[str]:
    """Folders below `collections` that no collection owns."""
    (kept,) = {path.parents[1] for path in data.glob("collections/*/*/manifest.json")}
    return [path.name for path in (data / "collections").iterdir() if path.is_dir() and path != kept]


def test_a_killed_snapshot_leaves_the_file_that_was_there_or_a_whole_new_one(
    tmp_path: Path, fault_round: str
) -> None:
    chance = seeded("precedent snapshot")
    file = tmp_path / "forms.snapshot"
    with Serving(tmp_path / "data") as serving:
        serving.create(NAME)
        fill(serving, chance, 0, COMMAND_RECORDS[fault_round])
        timed(serving.data, "reindex", NAME)
        length = timed(serving.data, "snapshot", NAME, str(file))
        for number, share in enumerate(moments(chance, COMMAND_KILLS[fault_round])):
            ended = killed(serving.data, share * length, "snapshot", NAME, str(file))
            print(f"{number}: {'ended before' if ended else 'killed after'} {share * length:.3f} s")
            checked = precedent(tmp_path / f"other{number}", "restore", str(file), "--check")
            assert checked.returncode == 0, checked.stderr
        timed(serving.data, "snapshot", NAME, str(file))
        assert [path.name for path in tmp_path.glob("forms.*")] == [file.name]
        assert serving.faults() == ""


def test_a_killed_restore_leaves_the_old_collection_or_the_new_one(tmp_path: Path, fault_round: str) -> None:
    chance = seeded("precedent restore")
    count = COMMAND_RECORDS[fault_round]
    files = [tmp_path / f"{version}.snapshot" for version in range(2)]
    with Serving(tmp_path / "data") as serving:
        serving.create(NAME)
        requests: list[dict[str, Any]] = []
        expected = []
        for version, file in enumerate(files):
            requests = requests or fill(serving, chance, version, count)
            if version:
                fill(serving, chance, version, count)
            timed(serving.data, "reindex", NAME)
            serving.settle(NAME)
            expected.append(asked(serving, requests))
            timed(serving.data, "snapshot", NAME, str(file))
        assert expected[0] != expected[1]
        stands = 1
        length = timed(serving.data, "restore", str(files[0]), "--force")
        assert asked(serving, requests) == expected[0]
        stands = 0
        for number, share in enumerate(moments(chance, COMMAND_KILLS[fault_round])):
            wanted = 1 - stands
            ended = killed(serving.data, share * length, "restore", str(files[wanted]), "--force")
            serving.settle(NAME)
            found = asked(serving, requests)
            assert found in expected
            assert expected.index(found) == wanted or not ended
            stands = expected.index(found)
            print(f"{number}: killed after {share * length:.3f} of {length:.3f} s; version {stands} stands")
            serving.kill()
            serving.restart()
            assert asked(serving, requests) == expected[stands]
            assert comparable(serving.post("/retrieve", requests[0]).json()) == expected[stands][0]
            assert strays(serving.data) == []
            assert serving.faults() == ""
