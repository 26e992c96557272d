"""What every record store does: inherit `RecordStoreContract` and give it a store and two collections."""

from __future__ import annotations

from dataclasses import replace

import pytest

from indexing.errors import InvalidRecord, NotFound
from indexing.records import Document, Step, Trajectory, document_from_bytes, trajectory_from_bytes
from indexing.store.records import SCAN_PAGE, Changes, Kind, RecordStore, Upserted

NOWHERE = 4711

AWKWARD_IDS = [
    " ",
    "%2F",
    "/",
    "A",
    "Z",
    "a",
    "a/b/c",
    "a/b/ç",
    "it's; DROP TABLE records",
    "x" * 512,
    "é",
    "\uffff",
    "\U0001f600",
    "\U0001f600" * 512,
]
"""In the byte order of their UTF-8, which is the order of their code points."""


def trajectory(id: str, instruction: str = "Find the red square") -> Trajectory:
    return Trajectory(id, instruction, (Step("a red square", "click [1]", "there it is"),))


def document(id: str, text: str = "Squares are clicked.") -> Document:
    return Document(id, "Squares", text)


class RecordStoreContract:
    """Every test of the seam; `collection` and `other` are empty collections of `store`."""

    @pytest.fixture
    def store(self) -> RecordStore:
        raise NotImplementedError

    @pytest.fixture
    def collection(self) -> int:
        raise NotImplementedError

    @pytest.fixture
    def other(self) -> int:
        raise NotImplementedError

    def test_a_record_is_read_as_it_was_written(self, store: RecordStore, collection: int) -> None:
        written = Trajectory(
            "1",
            "Größe ändern 😀",
            (Step("", "scroll"), Step("b\r\n\t", "click", "because")),
            final_observation="c",
            source={"kind": "human", "span": [0, 2]},
            outcome={"success": False, "reward": -0.5},
            metadata={"big": 2**70, "nested": {"list": [None, True, 1e-9]}},
        )
        store.upsert(collection, "trajectory", [written])
        stored = store.get(collection, "trajectory", "1")
        assert stored is not None
        assert trajectory_from_bytes(stored.body) == written
        assert stored.sequence == 1
        store.upsert(collection, "document", [document("1")])
        kept = store.get(collection, "document", "1")
        assert kept is not None
        assert document_from_bytes(kept.body) == document("1")

    def test_an_upsert_tells_new_changed_and_equal_apart(self, store: RecordStore, collection: int) -> None:
        first = store.upsert(collection, "trajectory", [trajectory("a"), trajectory("b")])
        assert first == Upserted(accepted=2, updated=0, unchanged=0, sequence=2)
        second = store.upsert(
            collection, "trajectory", [trajectory("a"), trajectory("b", "other"), trajectory("c")]
        )
        assert second == Upserted(accepted=1, updated=1, unchanged=1, sequence=4)

    def test_sending_it_again_changes_nothing(self, store: RecordStore, collection: int) -> None:
        batch = [trajectory("a"), trajectory("b")]
        store.upsert(collection, "trajectory", batch)
        before = store.changes(collection, 0, 10)
        assert store.upsert(collection, "trajectory", batch) == Upserted(0, 0, 2, before.sequence)
        assert store.changes(collection, 0, 10) == before

    def test_the_order_of_metadata_is_no_change(self, store: RecordStore, collection: int) -> None:
        record = replace(trajectory("a"), metadata={"x": 1, "y": 2})
        store.upsert(collection, "trajectory", [record])
        turned = replace(record, metadata={"y": 2, "x": 1})
        assert store.upsert(collection, "trajectory", [turned]).unchanged == 1

    def test_of_two_records_with_one_id_the_later_stands(self, store: RecordStore, collection: int) -> None:
        batch = [trajectory("a", "one"), trajectory("a", "two"), trajectory("a", "two"), trajectory("b")]
        assert store.upsert(collection, "trajectory", batch) == Upserted(2, 1, 1, 3)
        stored = store.get(collection, "trajectory", "a")
        assert stored is not None
        assert trajectory_from_bytes(stored.body).instruction == "two"
        assert stored.sequence == 2

    def test_there_and_back_in_one_batch_is_no_change(self, store: RecordStore, collection: int) -> None:
        store.upsert(collection, "trajectory", [trajectory("a", "one")])
        result = store.upsert(collection, "trajectory", [trajectory("a", "two"), trajectory("a", "one")])
        assert result == Upserted(0, 0, 2, 1)

    def test_an_empty_batch_is_none(self, store: RecordStore, collection: int) -> None:
        assert store.upsert(collection, "document", []) == Upserted(0, 0, 0, 0)

    def test_a_batch_larger_than_a_statement(self, store: RecordStore, collection: int) -> None:
        batch = [trajectory(f"{i:05}") for i in range(1201)]
        assert store.upsert(collection, "trajectory", batch) == Upserted(1201, 0, 0, 1201)
        for record in batch[::100]:
            store.delete(collection, "trajectory", record.id)
        assert store.upsert(collection, "trajectory", batch) == Upserted(13, 0, 1188, 1227)
        assert store.changes(collection, 0, 2000).deletions == []

    def test_a_record_of_another_kind_is_refused(self, store: RecordStore, collection: int) -> None:
        with pytest.raises(InvalidRecord, match="a document among records of kind 'trajectory'"):
            store.upsert(collection, "trajectory", [trajectory("a"), document("b")])
        assert store.count(collection, "trajectory") == 0

    def test_kinds_and_collections_are_apart(self, store: RecordStore, collection: int, other: int) -> None:
        store.upsert(collection, "trajectory", [trajectory("a")])
        store.upsert(collection, "document", [document("a"), document("b")])
        store.upsert(other, "trajectory", [trajectory("a", "elsewhere")])
        assert [store.count(collection, kind) for kind in KINDS] == [1, 2]
        assert [store.count(collection, kind, 2) for kind in KINDS] == [1, 1]
        assert [store.count(other, kind) for kind in KINDS] == [1, 0]
        assert store.delete(collection, "trajectory", "a") == 4
        assert store.get(collection, "document", "a") is not None
        assert store.get(other, "trajectory", "a") is not None
        assert store.changes(other, 0, 10).sequence == 1

    def test_a_deleted_record_is_gone_and_told(self, store: RecordStore, collection: int) -> None:
        store.upsert(collection, "trajectory", [trajectory("a"), trajectory("b")])
        assert store.delete(collection, "trajectory", "a") == 3
        assert store.get(collection, "trajectory", "a") is None
        assert [stored.id for stored in store.page(collection, "trajectory", None, 9)] == ["b"]
        changes = store.changes(collection, 2, 10)
        assert changes == Changes([], [("trajectory", "a", 3)], 3)

    def test_deleting_what_is_not_there_changes_nothing(self, store: RecordStore, collection: int) -> None:
        store.upsert(collection, "trajectory", [trajectory("a")])
        assert store.delete(collection, "trajectory", "b") is None
        assert store.delete(collection, "document", "a") is None
        assert store.delete(collection, "trajectory", "a") == 2
        assert store.delete(collection, "trajectory", "a") is None
        assert store.changes(collection, 0, 10).sequence == 2

    def test_deletions_are_told_alone(self, store: RecordStore, collection: int) -> None:
        store.upsert(collection, "trajectory", [trajectory("a"), trajectory("b"), trajectory("c")])
        first = store.delete(collection, "trajectory", "a")
        second = store.delete(collection, "trajectory", "b")
        assert first is not None
        assert second is not None
        assert store.deletions(collection, 0).deletions == [
            ("trajectory", "a", first),
            ("trajectory", "b", second),
        ]
        later = store.deletions(collection, first)
        assert later == Changes([], [("trajectory", "b", second)], second)

    def test_a_record_that_comes_back_is_no_longer_deleted(self, store: RecordStore, collection: int) -> None:
        store.upsert(collection, "trajectory", [trajectory("a")])
        store.delete(collection, "trajectory", "a")
        assert store.upsert(collection, "trajectory", [trajectory("a")]) == Upserted(1, 0, 0, 3)
        changes = store.changes(collection, 0, 10)
        assert [stored.id for _, stored in changes.upserts] == ["a"]
        assert changes.deletions == []

    def test_ids_are_any_text_in_byte_order(self, store: RecordStore, collection: int) -> None:
        store.upsert(collection, "trajectory", [trajectory(id) for id in reversed(AWKWARD_IDS)])
        assert [stored.id for stored in store.page(collection, "trajectory", None, 100)] == AWKWARD_IDS
        assert [stored.id for stored in store.scan(collection, "trajectory", 100)] == AWKWARD_IDS
        for id in AWKWARD_IDS:
            assert store.get(collection, "trajectory", id) is not None
            assert store.delete(collection, "trajectory", id) is not None
        assert store.count(collection, "trajectory") == 0

    def test_paging_meets_every_record_once(self, store: RecordStore, collection: int) -> None:
        store.upsert(collection, "document", [document(id) for id in AWKWARD_IDS])
        seen: list[str] = []
        while page := store.page(collection, "document", seen[-1] if seen else None, 4):
            assert len(page) <= 4
            seen.extend(stored.id for stored in page)
        assert seen == AWKWARD_IDS

    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
    def test_changes_are_followed_in_pieces(self, store: RecordStore, collection: int, limit: int) -> None:
        store.upsert(collection, "trajectory", [trajectory(id) for id in "abcd"])
        store.upsert(collection, "document", [document("a"), document("b")])
        store.delete(collection, "trajectory", "b")
        store.delete(collection, "document", "a")
        store.upsert(collection, "trajectory", [trajectory("c", "other"), trajectory("c", "third")])
        whole = store.changes(collection, 0, 100)
        upserts, deletions, since = [], [], 0
        while True:
            piece = store.changes(collection, since, limit)
            assert len(piece.upserts) + len(piece.deletions) <= limit
            upserts += piece.upserts
            deletions += piece.deletions
            if piece.sequence == since:
                break
            since = piece.sequence
        assert (upserts, deletions, since) == (whole.upserts, whole.deletions, whole.sequence)
        assert [(kind, stored.id) for kind, stored in upserts] == [
            ("trajectory", "a"),
            ("trajectory", "d"),
            ("document", "b"),
            ("trajectory", "c"),
        ]
        assert deletions == [("trajectory", "b", 7), ("document", "a", 8)]

    def test_nothing_left_covers_numbers_that_nothing_bears(
        self, store: RecordStore, collection: int
    ) -> None:
        store.upsert(collection, "trajectory", [trajectory("a", "one"), trajectory("a", "two")])
        store.delete(collection, "trajectory", "a")
        store.upsert(collection, "trajectory", [trajectory("b")])
        assert store.changes(collection, 0, 2).sequence == 4
        assert store.changes(collection, 4, 2) == Changes([], [], 4)
        assert store.changes(collection, 0, 0).sequence == 0

    def test_a_scan_leaves_out_what_changed_later(self, store: RecordStore, collection: int) -> None:
        up_to = store.upsert(collection, "trajectory", [trajectory(id) for id in "abc"]).sequence
        store.upsert(collection, "trajectory", [trajectory("b", "later"), trajectory("d")])
        assert [stored.id for stored in store.scan(collection, "trajectory", up_to)] == ["a", "c"]

    def test_writes_during_a_scan_are_not_waited_for(self, store: RecordStore, collection: int) -> None:
        ids = [f"{i:04}" for i in range(2 * SCAN_PAGE + 1)]
        up_to = store.upsert(collection, "trajectory", [trajectory(id) for id in ids]).sequence
        scan = store.scan(collection, "trajectory", up_to)
        seen = [next(scan).id]
        store.upsert(collection, "trajectory", [trajectory("new"), trajectory(ids[0], "changed")])
        assert seen + [stored.id for stored in scan] == ids

    def test_a_collection_that_is_gone(self, store: RecordStore) -> None:
        for kind in KINDS:
            assert store.get(NOWHERE, kind, "a") is None
            assert store.page(NOWHERE, kind, None, 9) == []
            assert store.count(NOWHERE, kind) == 0
            assert list(store.scan(NOWHERE, kind, 9)) == []
        with pytest.raises(NotFound):
            store.upsert(NOWHERE, "trajectory", [trajectory("a")])
        with pytest.raises(NotFound):
            store.delete(NOWHERE, "trajectory", "a")
        with pytest.raises(NotFound):
            store.changes(NOWHERE, 0, 9)


KINDS: tuple[Kind, ...] = ("trajectory", "document")
