"""Filters by chance over a generation, its delta and what was deleted, against going through all records."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from indexing.filters import matches, parse_filter
from indexing.library import Library
from indexing.records import JSON, Trajectory
from retrievers.requests import Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Situation
from tests.faults.rounds import FILTERS, seeded
from tests.support.collections import NAME, SETTINGS, open_library, trajectory

RECORDS = 150
PATHS = ("site", "n", "tags", "deep.er", "a.b", "outcome.success", "outcome.reward", "source.kind", "none")
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, 1, 1.0, -1, 0.5, 2**53 + 1, "", "x", "y", "é", "1", "2024-05-20", "true",
)  # fmt: skip
ORDERED: tuple[Any, ...] = (-1, 0, 0.5, 1, 2**60, "", "2024", "x", "é")


def value(chance: random.Random) -> JSON:
    """A scalar, or a few of them."""
    few: list[JSON] = chance.choices(SCALARS, k=chance.randrange(4))
    return few if chance.random() < 0.3 else chance.choice(SCALARS)


def record(chance: random.Random, id: str) -> Trajectory:
    metadata: dict[str, JSON] = {
        name: value(chance) for name in ("site", "n", "tags") if chance.random() < 0.8
    }
    if chance.random() < 0.5:
        metadata |= {"deep": {"er": value(chance)}, "a.b": value(chance)}
    outcome: dict[str, JSON] = {"success": chance.choice([True, False]), "reward": chance.choice([0, 0.5, 1])}
    source: JSON = {"kind": "recorded"} if chance.random() < 0.5 else None
    return trajectory(
        id, metadata=metadata or None, outcome=outcome if chance.random() < 0.7 else None, source=source
    )


def condition(chance: random.Random) -> JSON:
    """A scalar, a list, or a range between two of a kind."""
    if chance.random() < 0.7:
        return value(chance)
    textual = chance.random() < 0.5
    ends = [end for end in ORDERED if isinstance(end, str) == textual]
    bounds = {name: chance.choice(ends) for name in ("gte", "lte") if chance.random() < 0.7}
    return bounds or {"gte": chance.choice(ends)}


def filled(library: Library, chance: random.Random) -> dict[str, Trajectory]:
    """Records of which some are in the generation, some in the delta, some replaced, some gone."""
    library.create(NAME, SETTINGS)
    known = {f"t{n}": record(chance, f"t{n}") for n in range(RECORDS)}
    library.upsert(NAME, "trajectory", list(known.values()))
    library.reindex(NAME)
    newer = {id: record(chance, id) for id in [*chance.sample(sorted(known), 20), "new1", "new2", "new3"]}
    library.upsert(NAME, "trajectory", list(newer.values()))
    known |= newer
    for id in chance.sample(sorted(known), 15):
        library.delete(NAME, "trajectory", id)
        del known[id]
    library.wait(NAME, library.collection(NAME).sequence)
    return known


def test_a_filter_by_chance_selects_what_going_through_all_does(tmp_path: Path, fault_round: str) -> None:
    chance = seeded("filters")
    some = none = 0
    with open_library(tmp_path) as library:
        known = filled(library, chance)
        live = library.live(NAME)
        for number in range(FILTERS[fault_round]):
            fields = {path: condition(chance) for path in chance.sample(PATHS, chance.randrange(1, 4))}
            conditions = parse_filter(fields)
            wanted = {id for id, one in known.items() if matches(conditions, one)}
            snapshot = live.snapshot
            numbers = np.flatnonzero(snapshot.scope(conditions, ())).tolist()
            assert {snapshot.trajectory(n).id for n in numbers} == wanted, fields
            if number % 10 == 0:
                request = Request(
                    Situation("Find it", (), "o"), "random", (), Limits(total=1000, tokens=10**6),
                    conditions=conditions,
                )  # fmt: skip
                found = retrieve(snapshot, live.builder.lane, request).demonstrations
                assert {one.id for one in found} == wanted, fields
            some += bool(wanted)
            none += not wanted
    print(f"{some:,} filters that something met, {none:,} that nothing did")
    assert some > none / 10
