"""Many readers while generations are swapped: no error, and no answer that is of two generations."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import httpx

from tests.faults.records import lines
from tests.faults.rounds import READERS, SWAPS
from tests.faults.serving import Serving
from tests.faults.test_kill_reindex import reindex

NAME = "forms"
PATH = f"/collections/{NAME}/trajectories"
RECORDS = 60
TURNS = ("text", "verbatim")
OBSERVATION = "Page  one,\tas it is"
ASKED = {
    "collection": NAME,
    "instruction": "Fill in the form",
    "observation": OBSERVATION.replace("\t", " "),
    "strategy": "observation",
    "limits": {"observation": 8, "total": 8},
    "deadline_ms": 60_000,
}
"""Equal to what is stored by the normalizer `text`, and by `verbatim` not."""


def version(number: int) -> bytes:
    """All records anew, so that it can be read of each which writing it comes from."""
    step = {"observation": OBSERVATION, "action": f"type [{number}]"}
    return lines(
        [
            {"id": f"t{n}", "instruction": f"Fill in form {n}", "steps": [step], "metadata": {"is": number}}
            for n in range(RECORDS)
        ]
    )


class Answers:
    """What was answered: by generation how it matched, and how long each took."""

    def __init__(self) -> None:
        self.kinds: dict[str, set[str]] = {}
        self.counts: Counter[str] = Counter()
        self.seconds: list[float] = []

    def add(self, answer: dict[str, Any], seconds: float) -> None:
        """Take an answer, which must be of one writing and of one kind."""
        shown = answer["demonstrations"]
        assert len(shown) == 8
        writings = {(one["metadata"]["is"], one["next_action"]) for one in shown}
        assert len(writings) == 1, f"{answer['generation']}: {writings}"
        kinds = {one["match"]["kind"] for one in shown}
        assert len(kinds) == 1, f"{answer['generation']}: {kinds}"
        self.kinds.setdefault(answer["generation"], set()).update(kinds)
        self.counts[answer["generation"]] += 1
        self.seconds.append(seconds)

    @property
    def p99(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]


def read_on(serving: Serving, enough: Event, answers: Answers) -> None:
    with httpx.Client(timeout=60) as client:
        while not enough.is_set():
            begun = time.perf_counter()
            answer = client.post(f"{serving.url}/retrieve", json=ASKED)
            assert answer.status_code == 200, answer.text
            answers.add(answer.json(), time.perf_counter() - begun)


def swap(serving: Serving, swaps: int) -> dict[str, str]:
    """Write everything anew and swap a generation in, again and again; returns each one's normalizer."""
    built = {}
    for number in range(swaps):
        written = serving.post_lines(f"{PATH}?wait=true", version(number))
        assert written.json()["updated"] == RECORDS, written.text
        reindex(serving, {"observation_normalizer": TURNS[number % 2]})
        built[serving.get(f"/collections/{NAME}").json()["generation"]] = TURNS[number % 2]
    return built


def test_no_reader_sees_an_error_or_two_generations_at_once(tmp_path: Path, fault_round: str) -> None:
    readers, swaps = READERS[fault_round], SWAPS[fault_round]
    with Serving(tmp_path / "data") as serving:
        serving.create(NAME)
        assert serving.post_lines(f"{PATH}?wait=true", version(-1)).json()["accepted"] == RECORDS
        reindex(serving, {"observation_normalizer": TURNS[1]})
        found = []
        for swapping in (False, True):
            answers, enough = Answers(), Event()
            with ThreadPoolExecutor(readers) as pool:
                reading = [pool.submit(read_on, serving, enough, answers) for _ in range(readers)]
                if swapping:
                    built = swap(serving, swaps)
                else:
                    time.sleep(swaps)
                enough.set()
                for one in reading:
                    one.result()
            found.append(answers)
        still, moved = found
        assert set(moved.kinds) - set(still.kinds) == set(built)
        for generation, normalizer in built.items():
            assert (moved.kinds[generation] == {"normalized"}) == (normalizer == "text")
        print(
            f"{readers} readers, {swaps} swaps: {sum(moved.counts.values()):,} answers of "
            f"{len(moved.kinds)} generations; p99 {moved.p99 * 1e3:.0f} ms, "
            f"{moved.p99 / still.p99:.2f} times that without swaps"
        )
        if fault_round == "full":
            assert moved.p99 <= 2 * still.p99
        assert serving.faults() == ""
