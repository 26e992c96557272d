from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from indexing.errors import StorageFull
from indexing.store.catalog import Catalog
from indexing.store.database import open_database, read
from indexing.store.memory import MemoryRecordStore
from indexing.store.records import RecordStore, SqlRecordStore, Stored, plan
from tests.contract.record_store import RecordStoreContract, trajectory


class TestSqlRecordStore(RecordStoreContract):
    @pytest.fixture
    def store(self, engine: Engine) -> RecordStore:
        return SqlRecordStore(engine)

    @pytest.fixture
    def collection(self, engine: Engine) -> int:
        return Catalog(engine).create("squares", {}).id

    @pytest.fixture
    def other(self, engine: Engine) -> int:
        return Catalog(engine).create("circles", {}).id


class TestMemoryRecordStore(RecordStoreContract):
    @pytest.fixture
    def store(self) -> MemoryRecordStore:
        return MemoryRecordStore()

    @pytest.fixture
    def collection(self, store: MemoryRecordStore) -> int:
        return store.create()

    @pytest.fixture
    def other(self, store: MemoryRecordStore, collection: int) -> int:
        id = store.create()
        assert id != collection
        return id


stored = st.builds(Stored, st.sampled_from("abc"), st.just(0), st.sampled_from("xyz"), st.binary(max_size=2))


@given(
    st.lists(stored), st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz")), st.integers(0, 2**40)
)
def test_a_plan_counts_every_record_and_numbers_every_change(
    batch: list[Stored], digests: dict[str, str], last: int
) -> None:
    result, changed = plan(batch, digests, last)
    assert result.accepted + result.updated + result.unchanged == len(batch)
    assert result.sequence - last == result.accepted + result.updated
    assert {record.id for record in batch} <= digests.keys() | changed.keys()
    numbers = [record.sequence for record in changed.values()]
    assert len(set(numbers)) == len(numbers)
    assert all(last < number <= result.sequence for number in numbers)
    finally_there = {record.id: record.digest for record in batch}
    assert {id: record.digest for id, record in changed.items()}.items() <= finally_there.items()


@given(st.lists(stored), st.integers(0, 2**40))
def test_a_batch_that_is_sent_again_changes_nothing(batch: list[Stored], last: int) -> None:
    there = {id: record.digest for id, record in plan(batch, {}, last)[1].items()}
    again, changed = plan(batch, there, last)
    assert (again.unchanged, again.sequence, changed) == (len(batch), last, {})


def test_records_outlive_the_process(sqlite_url: str) -> None:
    engine = open_database(sqlite_url)
    collection = Catalog(engine).create("squares", {}).id
    SqlRecordStore(engine).upsert(collection, "trajectory", [trajectory("a")])
    engine.dispose()
    engine = open_database(sqlite_url)
    assert SqlRecordStore(engine).count(collection, "trajectory") == 1
    engine.dispose()


def test_a_full_disk_is_told_and_keeps_nothing_of_the_batch(sqlite_url: str, tmp_path: Path) -> None:
    engine = open_database(sqlite_url)
    collection = Catalog(engine).create("squares", {}).id
    SqlRecordStore(engine).upsert(collection, "trajectory", [trajectory("kept")])
    engine.dispose()

    @event.listens_for(engine, "connect")
    def _cap(connection: object, _: object) -> None:
        connection.execute("PRAGMA max_page_count=40")  # type: ignore[attr-defined]

    store = SqlRecordStore(engine)
    with pytest.raises(StorageFull, match="make room"):
        store.upsert(collection, "trajectory", [trajectory(str(i), "x" * 5000) for i in range(100)])
    assert [record.id for record in store.page(collection, "trajectory", None, 9)] == ["kept"]
    assert store.upsert(collection, "trajectory", [trajectory("small")]).sequence == 2
    engine.dispose()
    assert (tmp_path / "precedent.db").stat().st_size <= 40 * 4096


def test_every_read_by_order_has_its_index(sqlite_engine: Engine) -> None:
    queries = [
        "body FROM records WHERE collection=1 AND kind='document' AND id>'a' AND sequence<=9 ORDER BY id",
        "body FROM records WHERE collection=1 AND sequence>9 ORDER BY sequence",
        "id FROM deletions WHERE collection=1 AND sequence>9 ORDER BY sequence",
    ]
    with read(sqlite_engine) as connection:
        for query in queries:
            (step,) = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN SELECT {query} LIMIT 5").all()
            assert "USING INDEX" in step[-1]
