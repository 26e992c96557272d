"""What a service under strain still does in time: too many requests, bulk ingest beside."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from statistics import median

from benchmarks.client import Client, at_once, request, served
from benchmarks.comparison import Bar, Comparison, Round
from benchmarks.heartbeat import beside
from benchmarks.retrieve import CLIENTS, Asked, prepare, wires

TIMES = 10
"""How much more is sent than it can answer."""

CONNECTIONS = 256
EMBEDDED_AT_ONCE = 64
MIB = 1 << 20


def p99(values: Sequence[float]) -> float:
    """What one in a hundred is above."""
    return sorted(values)[int(len(values) * 0.99)]


@dataclass(slots=True)
class Flood:
    """What came of requests that were sent at a steady rate, whatever became of those before."""

    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    others: set[int] = field(default_factory=set)

    def send(self, url: str, some: Sequence[bytes], rate: float, seconds: float) -> None:
        """Send for so long, over many connections; who waits for an answer sends its next one late."""
        begun = time.perf_counter()

        def run(number: int) -> None:
            client = Client(url)
            for turn, wire in enumerate(cycle(some[number::CONNECTIONS] or some)):
                due = begun + (number + turn * CONNECTIONS) / rate
                if due > begun + seconds:
                    break
                time.sleep(max(0.0, due - time.perf_counter()))
                started = time.perf_counter()
                status, _ = client.answer(wire)
                self._note(status, time.perf_counter() - started)
            client.close()

        threads = [threading.Thread(target=run, args=(number,)) for number in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _note(self, status: int, seconds: float) -> None:
        if status in (200, 429):
            (self.accepted if status == 200 else self.refused).append(seconds)
        else:
            self.others.add(status)


def _recovered(url: str, some: Sequence[bytes], usual: float) -> float:
    """Seconds until three requests in a row are answered as fast as they used to be."""
    begun, client, good = time.perf_counter(), Client(url), 0
    for wire in some:
        started = time.perf_counter()
        status, _ = client.answer(wire)
        good = good + 1 if status == 200 and time.perf_counter() - started <= 2 * usual else 0
        if good == 3:
            break
    return time.perf_counter() - begun


def _overload(url: str, some: Sequence[bytes], seconds: float) -> Iterator[Comparison]:
    probe = Client(url)
    alone = [_timed(probe, wire) for wire in some[:20]]
    normal, rest = some[20 : 20 + 30 * CLIENTS], some[20 + 30 * CLIENTS :]
    taken, each = at_once(url, [normal[number::CLIENTS] for number in range(CLIENTS)])
    rate = TIMES * len(normal) / taken
    flood, held = Flood(), [_held(url)]
    for _ in range(2):
        flood.send(url, rest, rate, seconds / 2)
        held.append(_held(url))
    recovery = _recovered(url, rest, median(alone))
    facts = {
        "sent a second": (len(flood.accepted) + len(flood.refused)) / seconds,
        "meant to be sent a second": rate,
        "answered": len(flood.accepted),
        "refused with 429": len(flood.refused),
        "answered otherwise": sorted(flood.others) or "none",
        "p99 of a refusal, ms": p99(flood.refused) * 1e3 if flood.refused else "none",
    }
    yield Comparison(
        f"strain, {TIMES} times too many requests, p99 of those answered", "ms", p99(flood.accepted) * 1e3,
        p99(each) * 1e3, f"p99 of {CLIENTS} clients, as fast as it goes", Bar(3.0), facts,
    )  # fmt: skip
    yield Comparison(
        "strain, until it is as fast as before", "s", recovery, median(alone), "the median of one client",
        Bar(1.0, 3.0),
    )  # fmt: skip
    own, whole = zip(*held, strict=True)
    yield Comparison(
        "strain, memory after all of that", "MiB", own[2], own[1] or None, "after half of it", Bar(1.05),
        {"before, MiB": own[0], "with the indexes' files, MiB": [round(one) for one in whole]},
    )  # fmt: skip


def _held(url: str) -> tuple[float, float]:
    """MiB of memory that the service holds: without the files that it has mapped, and with them."""
    usage = Client(url).post("/bench/usage", {})
    return usage["anonymous"] / MIB, usage["resident"] / MIB


def _timed(client: Client, wire: bytes) -> float:
    started = time.perf_counter()
    client.exchange(wire)
    return time.perf_counter() - started


def _late(url: str, seconds: float) -> float:
    """By how many milliseconds the service's event loop comes late at most, but for one time in a hundred."""
    late: float = Client(url).post(f"/bench/heartbeat?seconds={seconds}", {})["ms"]
    return late


def _heartbeat(url: str, some: Sequence[bytes], asked: Asked, seconds: float) -> Comparison:
    idle = _late(url, seconds)
    enough = threading.Event()
    loaded = 0

    def ingest() -> None:
        nonlocal loaded
        client = Client(url)
        for number, one in enumerate(cycle(asked.known)):
            if enough.is_set():
                break
            steps = [{"observation": f"{number}: {one.observation}", "action": "go on"}] * 5
            records = [{"instruction": f"{number} {n} {one.instruction}", "steps": steps} for n in range(200)]
            client.post("/collections/other/trajectories", records)
            loaded += len(records)

    def ask(number: int) -> int:
        client, done = Client(url), 0
        for wire in cycle(some[number::EMBEDDED_AT_ONCE]):
            if enough.is_set():
                break
            client.answer(wire)
            done += 1
        return done

    with ThreadPoolExecutor(EMBEDDED_AT_ONCE + 1) as pool:
        ingesting = pool.submit(ingest)
        asking = [pool.submit(ask, number) for number in range(EMBEDDED_AT_ONCE)]
        with beside(seconds) as idling:
            busy = _late(url, seconds)
            meanwhile = idling.result()
        enough.set()
        answered = sum(one.result() for one in asking)
        ingesting.result()
    facts = {
        "requests at once": EMBEDDED_AT_ONCE,
        "answered": answered,
        "records ingested": loaded,
        "an idle loop in another process meanwhile, p99, ms": meanwhile,
    }
    return Comparison(
        "strain, how late the event loop comes, p99, amid requests and ingest", "ms", busy, idle,
        "the same loop idle", Bar(1.0, 20.0), facts,
    )  # fmt: skip


def run(round_: Round) -> Iterator[Comparison]:
    """Build, serve in another process, strain it."""
    folder = round_.work / "strain"
    asked = prepare(round_, folder, round_.count(1_000, 10_000))
    round_.say(f"built: {asked.data}")
    some = wires(asked.unknown, "agentic")
    seconds = float(round_.count(20, 60))
    with served(folder) as url:
        client = Client(url)
        client.answer(_put("/collections/other"))
        for wire in some[-10:]:
            client.exchange(wire)
        # First, since what is ingested after it is still being indexed for a while, and takes memory.
        yield from _overload(url, some[len(some) // 3 :], seconds)
        yield _heartbeat(url, some[: len(some) // 3], asked, seconds / 2)


def _put(path: str) -> bytes:
    return request(path, {}).replace(b"POST ", b"PUT ", 1)
