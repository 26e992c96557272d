"""kill -9 of a command that works on the data folder while the service runs on it."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.faults.answers import asked, comparable, retrieved
from tests.faults.oracle import Oracle
from tests.faults.records import document, lines, situations, trajectory
from tests.faults.rounds import COMMAND_KILLS, COMMAND_RECORDS, moments, seeded
from tests.faults.serving import Serving, leftovers
from tests.support.shell import begin, precedent

NAME = "forms"
TURNS = ("text", "verbatim")


def killed(data: Path, moment: float, *arguments: str) -> bool:
    """Run a command and kill it then; tells whether it had ended well before."""
    process = begin(data, *arguments)
    try:
        process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False
    assert process.returncode == 0
    return True


def timed(data: Path, *arguments: str) -> float:
    """How long a command takes that nobody kills."""
    begun = time.monotonic()
    done = precedent(data, *arguments)
    assert done.returncode == 0, done.stderr.decode()
    return time.monotonic() - begun


def batch(
    chance: random.Random, number: int, count: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Records of one file, trajectories and documents; half of them are new versions of the one before's."""
    names = range(number * count // 2, number * count // 2 + count)
    return (
        [trajectory(chance, f"t{name}", number) for name in names],
        [document(chance, f"d{name}", number) for name in names[::10]],
    )


def test_a_killed_ingest_leaves_whole_records_and_goes_on_where_it_is_sent_again(
    tmp_path: Path, fault_round: str
) -> None:
    chance = seeded("precedent ingest")
    oracles = Oracle(NAME), Oracle(NAME, "documents")
    path = tmp_path / "records.ndjson"
    with Serving(tmp_path / "data") as serving:
        serving.create(NAME)
        length = 0.0
        kills = COMMAND_KILLS[fault_round]
        for number, share in enumerate([0.0, *moments(chance, kills)]):
            made = batch(chance, number, COMMAND_RECORDS[fault_round])
            path.write_bytes(lines([*made[0], *made[1]]))
            for oracle, records in zip(oracles, made, strict=True):
                oracle.sending((record["id"], record) for record in records)
            if not number:
                length = timed(serving.data, "ingest", str(path), "-c", NAME)
            else:
                moment = share * length
                ended = killed(serving.data, moment, "ingest", str(path), "-c", NAME)
                print(
                    f"{number}: {'ended before' if ended else 'killed after'} {moment:.3f} of {length:.3f} s"
                )
                for oracle in oracles:
                    oracle.check(serving)
                timed(serving.data, "ingest", str(path), "-c", NAME, "--no-index")
                for oracle, records in zip(oracles, made, strict=True):
                    oracle.sending((record["id"], record) for record in records)
            for oracle in oracles:
                oracle.acknowledged()
                oracle.check(serving)
            serving.settle(NAME)
            wanted = chance.choice(made[0])
            request = situations(NAME, wanted)[0]
            assert wanted["id"] in [one["id"] for one in retrieved(serving, request)["demonstrations"]]
        serving.kill()
        serving.restart()
        for oracle in oracles:
            oracle.check(serving)
        assert leftovers(serving.data) == []
        assert serving.faults() == ""


def test_a_killed_reindex_leaves_the_service_beside_it_with_the_old_generation_or_the_new_one(
    tmp_path: Path, fault_round: str
) -> None:
    chance = seeded("precedent reindex")
    records = [trajectory(chance, f"t{number}") for number in range(COMMAND_RECORDS[fault_round])]
    requests = situations(NAME, chance.choice(records))
    with Serving(tmp_path / "data") as serving:
        serving.create(NAME)
        serving.post_lines(f"/collections/{NAME}/trajectories", lines(records))
        expected = []
        for normalizer in TURNS:
            command = ("reindex", NAME, "--set", f"observation_normalizer={normalizer}")
            length = timed(serving.data, *command)
            serving.settle(NAME)
            expected.append(asked(serving, requests))
        served, turn = serving.get(f"/collections/{NAME}").json()["generation"], 0
        for number, share in enumerate(moments(chance, COMMAND_KILLS[fault_round])):
            moment = share * length
            command = ("reindex", NAME, "--set", f"observation_normalizer={TURNS[turn]}")
            ended = killed(serving.data, moment, *command)
            generation = serving.get(f"/collections/{NAME}").json()["generation"]
            print(f"{number}: {'ended before' if ended else 'killed after'} {moment:.3f} of {length:.3f} s")
            assert (generation != served) or not ended
            serving.settle(NAME)
            found = turn if generation != served else 1 - turn
            assert asked(serving, requests) == expected[found]
            assert comparable(retrieved(serving, requests[0])) == expected[found][0]
            served, turn = generation, 1 - found
        serving.kill()
        serving.restart()
        serving.settle(NAME)
        assert asked(serving, requests) == expected[1 - turn]
        assert leftovers(serving.data) == []
        assert serving.faults() == ""
