"""Twenty collections with the same ids and texts, written, reindexed and asked at once: no foreign item."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from indexing.library import Library
from indexing.records import Document
from retrievers.requests import Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from retrievers.strategies import STRATEGIES
from tests.faults.rounds import RETRIEVALS, seeded
from tests.faults.writing import Beside
from tests.support.collections import SETTINGS, Embedders, open_library, trajectory

COLLECTIONS = tuple(f"c{number}" for number in range(20))
IDS = tuple(f"t{number}" for number in range(12))
READERS = 4


def write(library: Library, name: str, version: int) -> None:
    """The same ids, instructions, observations in each; actions, metadata and titles say whose they are."""
    records = [
        trajectory(
            id,
            f"Find the red {number % 3}",
            [(f"page {number % 4}", f"open {name}"), ("the end", f"stop {name}")],
            metadata={"whose": name, "version": version, "site": "all"},
        )
        for number, id in enumerate(IDS)
    ]
    library.upsert(name, "trajectory", records)
    library.upsert(name, "document", [Document("d", name, "All about red")])


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path, Embedders()) as made:
        for name in COLLECTIONS:
            made.create(name, SETTINGS)
            write(made, name, 0)
        for name in COLLECTIONS[::2]:
            made.reindex(name)
        for name in COLLECTIONS:
            made.wait(name, made.collection(name).sequence)
        yield made


def ask(library: Library, chance: random.Random, numbers: Iterator[int], last: int) -> int:
    """Ask collections by chance until so many questions were asked in all; returns how many items came."""
    items = 0
    while next(numbers) < last:
        name, strategy = chance.choice(COLLECTIONS), chance.choice(sorted(STRATEGIES))
        request = Request(
            Situation(f"Find the red {chance.randrange(3)}", (), f"page {chance.randrange(5)}"),
            strategy,
            (Query("red", "agent"),),
            Limits(total=chance.randrange(1, 12)),
            shown=tuple(chance.sample(IDS, 2)),
            render=True,
        )
        live = library.live(name)
        answer = retrieve(live.snapshot, live.builder.lane, request)
        for one in answer.demonstrations:
            assert one.metadata["whose"] == name
            assert all(shown.step.action.endswith(f" {name}") for shown in one.steps)
        for hit in answer.documents:
            assert hit.title == name
        items += len(answer.demonstrations) + len(answer.documents)
    return items


def disturb(library: Library, chance: random.Random, running: Iterator[bool]) -> int:
    """Write, delete and reindex by chance while others ask."""
    turn = 0
    for turn, _ in enumerate(running, 1):
        name = chance.choice(COLLECTIONS)
        write(library, name, turn)
        library.delete(name, "trajectory", chance.choice(IDS))
        if turn % 5 == 0:
            library.reindex(name)
    return turn


def test_no_answer_holds_what_is_another_collection_s(library: Library, fault_round: str) -> None:
    chance = seeded("isolation")
    numbers, last = count(), RETRIEVALS[fault_round]
    with ThreadPoolExecutor(READERS) as pool:
        asking = [
            pool.submit(ask, library, random.Random(chance.random()), numbers, last) for _ in range(READERS)
        ]
        beside = Beside(
            lambda: disturb(library, chance, iter(lambda: any(not one.done() for one in asking), False))
        )
        items = sum(one.result() for one in asking)
    writes = beside.join()
    assert items > last
    print(f"{last:,} retrievals from {len(COLLECTIONS)} collections, {items:,} items, {writes} writes beside")
