"""SqlRecordStore against MemoryRecordStore, by any sequence of writes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from indexing.records import Document, Record, Trajectory
from indexing.store.catalog import Catalog
from indexing.store.database import open_database
from indexing.store.memory import MemoryRecordStore
from indexing.store.records import Kind, SqlRecordStore
from tests.contract.record_store import document, trajectory

ids = st.sampled_from(["a", "b", "B", "é", "a/b", "\U0001f600"])
contents = st.sampled_from(["one", "two", "three"])
kinds = st.sampled_from(["trajectory", "document"])


def record(kind: Kind, id: str, content: str) -> Record:
    return trajectory(id, content) if kind == "trajectory" else document(id, content)


class Stores(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = open_database(f"sqlite:///{Path(self.folder.name) / 'precedent.db'}")
        self.sql, self.memory = SqlRecordStore(self.engine), MemoryRecordStore()
        self.collection = Catalog(self.engine).create("squares", {}).id
        assert self.memory.create() == self.collection

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    @rule(kind=kinds, batch=st.lists(st.tuples(ids, contents), max_size=8))
    def upsert(self, kind: Kind, batch: list[tuple[str, str]]) -> None:
        records: list[Trajectory | Document] = [record(kind, id, content) for id, content in batch]
        expected = self.memory.upsert(self.collection, kind, records)
        assert self.sql.upsert(self.collection, kind, records) == expected

    @rule(kind=kinds, id=ids)
    def delete(self, kind: Kind, id: str) -> None:
        expected = self.memory.delete(self.collection, kind, id)
        assert self.sql.delete(self.collection, kind, id) == expected

    @rule(since=st.integers(0, 40), limit=st.integers(0, 12))
    def changes(self, since: int, limit: int) -> None:
        expected = self.memory.changes(self.collection, since, limit)
        assert self.sql.changes(self.collection, since, limit) == expected

    @rule(kind=kinds, id=ids)
    def get(self, kind: Kind, id: str) -> None:
        assert self.sql.get(self.collection, kind, id) == self.memory.get(self.collection, kind, id)

    @rule(kind=kinds, after=st.none() | ids, limit=st.integers(1, 4))
    def page(self, kind: Kind, after: str | None, limit: int) -> None:
        expected = self.memory.page(self.collection, kind, after, limit)
        assert self.sql.page(self.collection, kind, after, limit) == expected

    @rule(kind=kinds, up_to=st.integers(0, 40))
    def scan(self, kind: Kind, up_to: int) -> None:
        expected = list(self.memory.scan(self.collection, kind, up_to))
        assert list(self.sql.scan(self.collection, kind, up_to)) == expected

    @invariant()
    def both_hold_the_same(self) -> None:
        assert self.sql.changes(self.collection, 0, 1000) == self.memory.changes(self.collection, 0, 1000)


Stores.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestStores = Stores.TestCase
