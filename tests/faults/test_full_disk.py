"""A disk that is full, a real one: writes are told so, reads go on, and all is well when there is room."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.problems import MEDIA_TYPE
from service.retrieval import EPISODE_NOT_KEPT
from tests.faults.answers import asked, retrieved
from tests.faults.disks import fill, mounted
from tests.faults.oracle import Oracle
from tests.faults.records import lines, situations, trajectory
from tests.faults.rounds import FULL_DISKS, seeded
from tests.faults.serving import Serving

NAME = "forms"
PATH = f"/collections/{NAME}"
MEBIBYTES = 64


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own; `tmp_path/data` leads to it, so that the log lies elsewhere."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, MEBIBYTES):
        (disk / "data").mkdir()
        (tmp_path / "data").symlink_to(disk / "data")
        yield disk


def is_full(answer: httpx.Response) -> bool:
    """Whether an answer is the problem of a full disk, in its form."""
    if answer.status_code != 507:
        return False
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["type"] == "/problems/storage-full"
    return True


def write(serving: Serving, oracle: Oracle, records: list[dict[str, Any]], query: str = "") -> bool:
    """Send records; tells whether there was room. What is refused may stand, if it was to be indexed too."""
    oracle.sending((record["id"], record) for record in records)
    answer = serving.post_lines(f"{oracle.path}{query}", lines(records))
    if is_full(answer):
        return False
    assert answer.status_code == 200, answer.text
    oracle.acknowledged()
    return True


def refused_until_there_is_room(serving: Serving, chance: random.Random, oracle: Oracle, turn: int) -> int:
    """Write until nothing more can be written; returns how many records were kept on the way."""
    kept = 0
    for size, query in ((50, "?wait=true"), (1, "?wait=true"), (1, "")):
        refusals = 0
        while refusals < 3:
            made = [trajectory(chance, f"{turn}/{kept}/{size}/{number}", turn) for number in range(size)]
            if write(serving, oracle, made, query):
                kept += size
            else:
                refusals += 1
                oracle.check(serving)
            assert kept < 20_000
    return kept


def check_other_writes(serving: Serving, oracle: Oracle, gone: str) -> None:
    """Every kind of write is told in words, unless it still finds room in a file that is there."""
    oracle.sending([(gone, None)])
    answers = [
        serving.client.delete(f"{serving.url}{PATH}/trajectories/{gone}"),
        serving.put("/collections/more", {}),
        serving.put(PATH, {}),
        serving.post(f"{PATH}/rollback"),
    ]
    oracle.check(serving)
    taken = [answer for answer in answers if not is_full(answer)]
    assert {answer.status_code for answer in taken} <= {200, 201, 204, 409}, taken


def ended(serving: Serving, answer: httpx.Response) -> dict[str, Any]:
    """The job of an answer once it is known how it ended, or why it was never entered."""
    while answer.status_code in (200, 202) and answer.json()["state"] in ("queued", "running"):
        answer = serving.get(f"/jobs/{answer.json()['id']}")
    found: dict[str, Any] = answer.json()
    return found


def test_a_full_disk_refuses_writes_answers_on_and_recovers(
    small_disk: Path, tmp_path: Path, fault_round: str
) -> None:
    chance = seeded("full disk")
    oracle = Oracle(NAME)
    filler = small_disk / "filler"
    with Serving(tmp_path / "data") as serving:
        serving.create(NAME)
        records = [trajectory(chance, f"t{number}") for number in range(300)]
        assert write(serving, oracle, records, "?wait=true")
        assert ended(serving, serving.post(f"{PATH}/reindex"))["state"] == "succeeded"
        requests = situations(NAME, records[7])
        for turn in range(FULL_DISKS[fault_round]):
            room = fill(filler)
            if turn:  # a little is left, so that it is full at another place
                os.truncate(filler, room - chance.randrange(1 << 20))
            kept = refused_until_there_is_room(serving, chance, oracle, turn)
            check_other_writes(serving, oracle, f"t{turn + 20}")
            served = serving.get(PATH).json()
            answers = asked(serving, requests)
            assert is_full(serving.post(f"{PATH}/reindex", {"observation_normalizer": "verbatim"}))
            episode = requests[0] | {"episode": f"e{turn}"}
            assert EPISODE_NOT_KEPT in serving.post("/retrieve", episode).json()["degraded"]
            assert serving.get("/health/ready").status_code == 200
            serving.kill()
            serving.restart()
            assert asked(serving, requests) == answers
            described = serving.get(PATH).json()
            assert [described[name] for name in ("generation", "settings", "sequence")] == [
                served[name] for name in ("generation", "settings", "sequence")
            ]
            filler.unlink()
            serving.settle(NAME)
            oracle.check(serving, ["t1", f"{turn}/0/1/0"])
            assert write(serving, oracle, records[: 10 + turn], "?wait=true")
            job = ended(serving, serving.post(f"{PATH}/reindex"))
            assert job["state"] == "succeeded", job
            assert retrieved(serving, requests[0])["demonstrations"]
            print(f"{turn}: {room:,} bytes taken, {kept} records found room in what was left")
        assert serving.faults() == ""
