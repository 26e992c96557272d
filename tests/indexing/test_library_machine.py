"""Any order of writes, deletes, builds and restarts, against a dict."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from indexing.errors import Conflict
from indexing.records import JSON, Trajectory
from retrievers.requests import Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from retrievers.strategies import STRATEGIES
from tests.support.collections import NAME, SETTINGS, Embedders, open_library, trajectories

ASKED = [
    Request(
        Situation("Find red", (), observation),
        strategy,
        (Query("red square", "agent"),),
        Limits(total=4, tokens=200),
        render=True,
    )
    for strategy in STRATEGIES
    for observation in ("OK.", "red square")
]


class LibraryMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.embedders = Embedders()
        self.known: dict[str, Trajectory] = {}
        self.texts: set[str] = set()
        self.library = open_library(self.folder, self.embedders)

    @initialize()
    def create(self) -> None:
        self.library.create(NAME, SETTINGS)

    @rule(records=st.lists(trajectories(), max_size=3), elsewhere=st.booleans())
    def upsert(self, records: list[Trajectory], elsewhere: bool) -> None:
        if elsewhere:
            with open_library(self.folder, self.embedders) as other:
                other.upsert(NAME, "trajectory", records)
        else:
            self.library.upsert(NAME, "trajectory", records)
        self.known |= {one.id: one for one in records}

    @precondition(lambda self: self.known)
    @rule(data=st.data(), elsewhere=st.booleans())
    def delete(self, data: st.DataObject, elsewhere: bool) -> None:
        id = data.draw(st.sampled_from(sorted(self.known)))
        if elsewhere:
            with open_library(self.folder, self.embedders) as other:
                other.delete(NAME, "trajectory", id)
        else:
            self.library.delete(NAME, "trajectory", id)
        del self.known[id]

    @rule(normalizes=st.sampled_from([None, None, "verbatim", "text"]))
    def reindex(self, normalizes: str | None) -> None:
        self.library.reindex(NAME, {} if normalizes is None else {"observation_normalizer": normalizes})

    @rule()
    def rollback(self) -> None:
        try:
            self.library.rollback(NAME)
        except Conflict:
            assert len(self.library.catalog.generations(self.library.collection(NAME).id)) <= 3

    @rule()
    def reopen(self) -> None:
        """The same bytes before and after, however the delta grew."""
        self.settle()
        before = [self.ask(request) for request in ASKED]
        self.library.close()
        self.library = open_library(self.folder, self.embedders)
        assert [self.ask(request) for request in ASKED] == before

    @invariant()
    def nothing_deleted_is_found(self) -> None:
        if self.library.catalog.get(NAME):
            assert set(self.found()) <= set(self.known)

    @rule()
    def what_is_searchable_is_what_is_stored(self) -> None:
        self.settle()
        assert self.found() == self.known
        given = [text for made in self.embedders.made.values() for text in made.indexed]
        assert len(given) == len(set(given))

    def settle(self) -> None:
        self.library.wait(NAME, self.library.collection(NAME).sequence, 30)

    def found(self) -> dict[str, Trajectory]:
        snapshot = self.library.snapshot(NAME)
        numbers = np.flatnonzero(snapshot.scope((), ())).tolist()
        records = [snapshot.trajectory(number) for number in numbers]
        assert len({one.id for one in records}) == len(records)
        return {one.id: one for one in records}

    def ask(self, request: Request) -> dict[str, JSON]:
        live = self.library.live(NAME)
        fields = retrieve(live.snapshot, live.builder.lane, request).to_fields()
        del fields["timings_ms"]
        return fields

    def teardown(self) -> None:
        self.settle()
        assert self.found() == self.known
        self.library.close()
        shutil.rmtree(self.folder)


TestLibrary = LibraryMachine.TestCase
TestLibrary.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
