"""Any order of writes, deletes, builds, swaps, restarts and questions, against a dict."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from indexing.errors import Conflict
from indexing.filters import matches, parse_filter
from indexing.records import JSON, Document, Trajectory
from retrievers.requests import Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from retrievers.strategies import STRATEGIES
from tests.support.collections import (
    IDS,
    NAME,
    OBSERVATIONS,
    SETTINGS,
    Embedders,
    documents,
    open_library,
    trajectories,
)

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


EVERYTHING = Limits(observation=8, model=8, total=8, tokens=100_000)
"""As many as there are ids."""

FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "site": st.sampled_from(["x", "y", None, ["x", "y"], {"gte": "y"}]),
        "outcome.success": st.sampled_from([True, False, None, [None, True]]),
        "nothing": st.sampled_from([None, "x"]),
    },
)


class LibraryMachine(RuleBasedStateMachine):
    steps: ClassVar[int] = 0
    """How many rules were applied, by all machines of this class."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.embedders = Embedders()
        self.known: dict[str, Trajectory] = {}
        self.told: dict[str, Document] = {}
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

    @rule(records=st.lists(documents(), max_size=2))
    def upsert_documents(self, records: list[Document]) -> None:
        self.library.upsert(NAME, "document", records)
        self.told |= {one.id: one for one in records}

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def delete_document(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.told)))
        self.library.delete(NAME, "document", id)
        del self.told[id]

    @rule(
        changes=st.fixed_dictionaries(
            {},
            optional={
                "observation_normalizer": st.sampled_from(["verbatim", "text"]),
                "embedder": st.sampled_from(["hashing-64", "hashing-32"]),
                "documents_engine": st.sampled_from(["rank-bm25", "dense"]),
            },
        )
    )
    def reindex(self, changes: dict[str, JSON]) -> None:
        built = self.library.reindex(NAME, changes)
        assert self.library.snapshot(NAME).generation == built.id
        assert changes.items() <= built.settings.to_fields().items()

    @rule()
    def rollback(self) -> None:
        try:
            self.library.rollback(NAME)
        except Conflict:
            assert len(self.library.catalog.generations(self.library.collection(NAME).id)) <= 3

    @rule(
        strategy=st.sampled_from(sorted(STRATEGIES)),
        observation=OBSERVATIONS,
        fields=FILTERS,
        exclude=st.lists(IDS, max_size=2),
    )
    def retrieve_what_meets_a_filter(
        self, strategy: str, observation: str, fields: dict[str, JSON], exclude: list[str]
    ) -> None:
        """Every trajectory and document is as it stands, and all that may be returned can be."""
        self.settle()
        conditions = parse_filter(fields)
        situation = Situation("Find red", (), observation)
        query = (Query("red square", "agent"),)
        request = Request(
            situation, strategy, query, EVERYTHING, conditions=conditions, exclude=tuple(exclude)
        )
        live = self.library.live(NAME)
        answer = retrieve(live.snapshot, live.builder.lane, request)
        held = self.told if STRATEGIES[strategy].documents else self.known
        met = {id for id, one in held.items() if matches(conditions, one) and id not in exclude}
        if strategy in ("instruction", "random"):
            assert {one.id for one in answer.demonstrations} == met
        for one in answer.demonstrations:
            assert one.id in met
            assert [shown.step for shown in one.steps] == [
                self.known[one.id].steps[shown.index] for shown in one.steps
            ]
        for hit in answer.documents:
            assert hit.id in met
            assert hit.text == self.told[hit.id].text

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
        type(self).steps += 1
        if self.library.catalog.get(NAME):
            assert set(self.found()) <= set(self.known)
            assert self.documents() <= self.told.keys()

    @rule()
    def what_is_searchable_is_what_is_stored(self) -> None:
        self.settle()
        assert self.found() == self.known
        assert self.documents() == self.told.keys()
        for made in self.embedders.made.values():
            assert len(made.indexed) == len(set(made.indexed))

    def settle(self, name: str = NAME) -> None:
        self.library.wait(name, self.library.collection(name).sequence, 30)

    def found(self, name: str = NAME) -> dict[str, Trajectory]:
        snapshot = self.library.snapshot(name)
        numbers = np.flatnonzero(snapshot.scope((), ())).tolist()
        records = [snapshot.trajectory(number) for number in numbers]
        assert len({one.id for one in records}) == len(records)
        return {one.id: one for one in records}

    def documents(self, name: str = NAME) -> set[str]:
        """The ids of the documents that are searchable."""
        documents = self.library.snapshot(name).documents
        return {documents.id(number) for number in np.flatnonzero(documents.scope((), ())).tolist()}

    def ask(self, request: Request, name: str = NAME) -> dict[str, JSON]:
        live = self.library.live(name)
        fields = retrieve(live.snapshot, live.builder.lane, request).to_fields()
        del fields["timings_ms"]
        return fields

    def answers(self, name: str = NAME) -> list[dict[str, JSON]]:
        """What it answers; the generation of what was restored may have had to take another name."""
        return [self.ask(request, name) | {"generation": None} for request in ASKED]

    def teardown(self) -> None:
        self.settle()
        assert self.found() == self.known
        self.library.close()
        shutil.rmtree(self.folder)
