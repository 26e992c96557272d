"""A whole public data set, the 17,193 dialogues of SGD (else made-up ones): read, stored, indexed, served."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median

from benchmarks.client import Client, request, served
from benchmarks.comparison import Comparison, Round
from benchmarks.corpora import COLLECTION, StandIn, corpus, fill, situations
from benchmarks.retrieve import body
from benchmarks.timing import seconds, spread
from indexing.embedder import CHECKSUM, load_embedder
from indexing.library import Library

DIALOGUES = 17_193
STRATEGIES = ("observation", "agentic")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _resident(url: str) -> int:
    found: int = Client(url).post("/bench/usage", {})["resident"]
    return found


def _idle(folder: Path) -> int:
    """Resident bytes of a service that has loaded the model and no collection."""
    folder.mkdir()
    with served(folder) as url:
        return _resident(url)


def run(round_: Round) -> Iterator[Comparison]:
    """Seconds of each stage, memory and disk for each trajectory, and how long an answer takes."""
    started = time.perf_counter()
    found = corpus(round_, round_.count(500, DIALOGUES))
    yield Comparison("sgd, the files read", "s", time.perf_counter() - started, facts={"data": found.name})
    count, steps = len(found.stored), sum(len(record.steps) for record in found.stored)
    facts = {"trajectories": count, "steps": steps, "stored vectors": round_.vectors}
    real = round_.vectors == "real"
    folder = round_.work / "sgd"
    with Library(folder, load_embedder if real else lambda _: StandIn(f"sha256:{CHECKSUM}")) as library:
        yield Comparison("sgd, stored", "s", seconds(lambda: fill(library, found.stored)), facts=facts)
        yield Comparison("sgd, indexed", "s", seconds(lambda: library.reindex(COLLECTION)), facts=facts)
        generation = folder / "collections" / str(library.collection(COLLECTION).id)
    yield Comparison("sgd, the generation on disk", "bytes a trajectory", _size(generation) / count)
    yield Comparison("sgd, all on disk", "bytes a trajectory", _size(folder) / count)
    idle = _idle(round_.work / "idle")
    some = list(islice(situations(found.stored), 2 * round_.count(40, 200)))
    started = time.perf_counter()
    with served(folder) as url:
        yield Comparison("sgd, until ready", "s", time.perf_counter() - started)
        ready, client = _resident(url), Client(url)
        for which, strategy in enumerate(STRATEGIES):
            wires = [request("/retrieve", body(one, strategy)) for one in some[which::2]]
            client.exchange(wires[0])
            taken = [seconds(lambda wire=wire: client.exchange(wire)) for wire in wires[1:]]  # type: ignore[misc]
            yield Comparison(
                f"sgd, retrieve, {strategy}", "ms", median(taken) * 1e3, facts={"ms": spread(taken)}
            )
        used = _resident(url)
    memory = {
        "without it, bytes": idle,
        "ready, bytes": ready,
        "after use, bytes": used,
        "bytes a trajectory, ready": (ready - idle) / count,
    }
    yield Comparison(
        "sgd, memory of the serving process", "bytes a trajectory", (used - idle) / count, facts=memory
    )
