"""A client that writes, notes what was acknowledged, and stops when the service is gone."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from tests.faults.oracle import Oracle, Version
from tests.faults.records import document, lines, trajectory
from tests.faults.serving import ANSWERED_WITHIN_S, Serving

POOL = 600
"""Ids that are written again and again: new, changed, deleted, new again."""


@dataclass(frozen=True, slots=True)
class Write:
    """One request: a batch of records, or the deletion of one."""

    oracle: Oracle
    versions: list[tuple[str, Version]]
    wait: bool

    def send(self, client: httpx.Client, url: str) -> None:
        """Send it, and note the answer when all of it has come."""
        records = [version for _, version in self.versions if version is not None]
        parameters = {"wait": "true"} if self.wait else {}
        self.oracle.sending(self.versions)
        if records:
            headers = {"content-type": "application/x-ndjson"}
            body = lines(records)
            answer = client.post(url + self.oracle.path, params=parameters, content=body, headers=headers)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert told["rejected"] == []
            assert told["accepted"] + told["updated"] + told["unchanged"] == len(records)
        else:
            ((id, _),) = self.versions
            answer = client.delete(f"{url}{self.oracle.path}/{quote(id, safe='')}", params=parameters)
            assert answer.status_code in (204, 404), answer.text
        self.oracle.acknowledged()


def script(chance: random.Random, oracles: Sequence[Oracle], number: int, requests: int = 6) -> list[Write]:
    """The requests of one round, drawn by chance: small batches, one of several transactions, deletions."""
    writes: list[Write] = []
    for turn in range(requests):
        oracle = chance.choices(oracles, weights=[4, 1])[0]
        make = trajectory if oracle.plural == "trajectories" else document
        size = 1_300 if turn == requests // 2 else chance.choice([1, 7, 60, 200])
        numbers = chance.choices(range(POOL), k=size)
        ids = [f"{oracle.plural}/{n}" for n in numbers]
        versions = [(id, make(chance, id, number * 1_000 + turn)) for id in ids]
        writes.append(Write(oracle, list(versions), chance.random() < 0.4))
        gone = chance.sample(range(POOL), 2)
        writes += [Write(oracle, [(f"{oracle.plural}/{n}", None)], chance.random() < 0.4) for n in gone]
    return writes


def write_all(serving: Serving, writes: Sequence[Write]) -> int:
    """Send one after the other; returns how many were answered before the service was gone."""
    with httpx.Client(timeout=ANSWERED_WITHIN_S) as client:
        for done, write in enumerate(writes):
            try:
                write.send(client, serving.url)
            except httpx.TransportError:
                assert not serving.alive or serving.process.wait(10) is not None
                return done
    return len(writes)


class Beside:
    """Work in a thread of its own, whose failure is the test's failure."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._error: BaseException | None = None
        self.result: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._work()
        except BaseException as error:
            self._error = error

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> Any:
        """What the work returned."""
        self._thread.join(ANSWERED_WITHIN_S)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error
        return self.result


def kill_amid(serving: Serving, writes: Sequence[Write], moment: float) -> int:
    """Kill the service when `moment` seconds of these writes have passed; returns how many were answered."""
    client = Beside(lambda: write_all(serving, writes))
    time.sleep(moment)
    serving.kill()
    done: int = client.join()
    return done
