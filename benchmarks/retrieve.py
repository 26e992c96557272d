"""`POST /retrieve` over HTTP, 10,000 trajectories, against the least that each answer costs.

Every request is another situation from the middle of an episode that is not stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.client import Client, at_once, request, served
from benchmarks.comparison import Bar, Comparison, Round
from benchmarks.corpora import COLLECTION, Situated, StandIn, corpus, fill, situations
from benchmarks.timing import by_turns, spread
from indexing.embedder import CHECKSUM, load_embedder
from indexing.library import Library
from retrievers.learning import learn, learn_by_rule

CLIENTS = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """Situations whose observation is stored, others whose is not, and what they are from."""

    data: str
    known: Sequence[Situated]
    unknown: Sequence[Situated]


def prepare(round_: Round, folder: Path, stored: int, by_rule: bool = False) -> Asked:
    """Build the collection in `folder`, `by_rule` without fitting a ranker; returns what to ask of it."""
    found = corpus(round_, stored, 5_000)
    real = round_.vectors == "real"
    embedders = load_embedder if real else lambda _: StandIn(f"sha256:{CHECKSUM}")
    with Library(folder, embedders, learner=learn_by_rule if by_rule else learn) as library:
        fill(library, found.stored)
        library.reindex(COLLECTION)
        snapshot = library.snapshot(COLLECTION)
        scope = snapshot.scope((), ())
        sides: dict[bool, list[Situated]] = {True: [], False: []}
        for one in situations(found.held_out):
            normalized = snapshot.analyzer.situation(one.observation)[1]
            sides[bool(len(snapshot.occurrences(normalized, scope)))].append(one)
    data = f"{len(found.stored):,} of {found.name}, stored vectors: {round_.vectors}"
    return Asked(data, sides[True], sides[False])


def body(one: Situated, strategy: str) -> dict[str, Any]:
    """The request of an agent that stands there."""
    return {
        "collection": COLLECTION,
        "instruction": one.instruction,
        "history": [{"observation": step.observation, "action": step.action} for step in one.history[-5:]],
        "observation": one.observation,
        "strategy": strategy,
        "deadline_ms": 60_000,
    }


def wires(some: Sequence[Situated], strategy: str) -> list[bytes]:
    """The requests, ready to be sent."""
    return [request("/retrieve", body(one, strategy)) for one in some]


def _known(url: str, asked: Asked, round_: Round) -> Comparison:
    size, clients, chunks = 200, 4, round_.count(8, 16)
    client = Client(url)
    some = asked.known[: size * chunks]
    real = wires(some, "observation")
    sizes = [len(client.exchange(wire)) for wire in real]
    empty = [
        request(f"/bench/parse?size={length}", body(one, "observation"))
        for one, length in zip(some, sizes, strict=True)
    ]
    speeds: list[list[float]] = [[], []]
    work: list[list[float]] = [[], []]
    starts = range(0, max(len(some) - size, 0) + 1, size)
    for turn in range(2 * chunks):
        which = (turn + turn // 2) % 2
        first = starts[turn // 2 % len(starts)]
        chunk = (real, empty)[which][first : first + size]
        before = client.post("/bench/usage", {})["cpu_s"]
        taken, _ = at_once(url, [chunk[number::clients] for number in range(clients)])
        work[which].append((client.post("/bench/usage", {})["cpu_s"] - before) / len(chunk))
        speeds[which].append(len(chunk) / taken)
    facts = {
        "data": asked.data,
        "distinct requests": len(some),
        "clients": clients,
        "body, bytes": median(sizes),
        "processor ms a request, ours": median(work[0]) * 1e3,
        "processor ms a request, theirs": median(work[1]) * 1e3,
    }
    return Comparison(
        "retrieve, observation, where it is stored", "requests/s", median(speeds[0]), median(speeds[1]),
        "parsing the same request, a body of the same size", Bar(0.4, at_least=True), facts,
    )  # fmt: skip


def _unknown(url: str, asked: Asked, round_: Round) -> Comparison:
    some = list(islice(asked.unknown, round_.count(150, 500)))
    client = Client(url)
    alone: list[float] = []
    _, ours = by_turns(
        some,
        lambda one: alone.append(client.post("/bench/search", body(one, "observation"))["ms"]),
        lambda one: client.exchange(request("/retrieve", body(one, "observation"))),
    )
    facts = {
        "requests": len(some),
        "ours, ms": spread(ours),
        "search alone, ms": spread(alone, 1),
    }
    return Comparison(
        "retrieve, observation, where it is not stored", "ms", median(ours) * 1e3, median(alone),
        "the BM25 search alone", Bar(1.3, 2.0), facts,
    )  # fmt: skip


def _agentic(url: str, some: Sequence[Situated]) -> Comparison:
    client = Client(url)
    alone: list[float] = []
    needed: list[list[str]] = []

    def embed(one: Situated) -> None:
        needed.append([one.instruction])  # the template's query is searched by words alone
        alone.append(client.post("/bench/embed", {"texts": needed[-1]})["ms"])

    _, ours = by_turns(some, embed, lambda one: client.exchange(request("/retrieve", body(one, "agentic"))))
    facts = {
        "requests": len(some),
        "ours, ms": spread(ours),
        "embedding alone, ms": spread(alone, 1),
        "characters to embed": median(sum(map(len, texts)) for texts in needed),
    }
    return Comparison(
        "retrieve, agentic", "ms", median(ours) * 1e3, median(alone),
        "embedding, in one batch, the texts it needs", Bar(1.5, 5.0), facts,
    )  # fmt: skip


def _dearer(url: str, some: Sequence[Situated]) -> Comparison:
    client = Client(url)
    papers, ours = by_turns(
        some,
        lambda one: client.exchange(request("/retrieve", body(one, "paper"))),
        lambda one: client.exchange(request("/retrieve", body(one, "agentic"))),
    )
    return Comparison(
        "retrieve, agentic against the paper's rule", "ms", median(ours) * 1e3, median(papers) * 1e3,
        "strategy paper, same situations by turns", Bar(2.0),
        {"requests": len(some), "ours, ms": spread(ours), "paper's, ms": spread(papers)},
    )  # fmt: skip


def _crowd(url: str, some: Sequence[Situated], strategy: str, alone: int) -> Comparison:
    real = wires(some, strategy)
    _, single = at_once(url, [real[:alone]])
    crowd = real[alone:]
    _, many = at_once(url, [crowd[number::CLIENTS] for number in range(CLIENTS)])
    facts = {"requests": len(crowd), "one client, ms": spread(single), "eight clients, ms": spread(many)}
    return Comparison(
        f"retrieve, {strategy}, the slowest of eight clients at once", "ms", max(many) * 1e3,
        median(single) * 1e3, "the median of one client", Bar(4.0), facts,
    )  # fmt: skip


def run(round_: Round) -> Iterator[Comparison]:
    """Build, serve in another process, ask."""
    folder = round_.work / "retrieve"
    asked = prepare(round_, folder, round_.count(10_000, 10_000))
    round_.say(f"built: {asked.data}")
    one, crowd = round_.count(30, 100), round_.count(64, 240)
    fresh = iter(asked.unknown[500:])
    with served(folder) as url:
        warm = Client(url)
        for wire in wires(list(islice(fresh, 10)), "agentic"):
            warm.exchange(wire)
        yield _known(url, asked, round_)
        yield _unknown(url, asked, round_)
        yield _agentic(url, list(islice(fresh, one)))
        yield _dearer(url, list(islice(fresh, one)))
        yield _crowd(url, asked.known[200 : 200 + one + crowd], "observation", one)
        yield _crowd(url, list(islice(fresh, one + crowd)), "agentic", one)
