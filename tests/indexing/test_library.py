"""A library over time: what is acknowledged is found, what is deleted never again, whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indexing.errors import NotFound
from indexing.library import Library
from indexing.records import Document
from tests.support.collections import NAME, SETTINGS, Embedders, open_library, trajectory
from tests.support.libraries import found, some, write


@pytest.fixture
def embedders() -> Embedders:
    return Embedders()


@pytest.fixture
def library(tmp_path: Path, embedders: Embedders) -> Iterator[Library]:
    with open_library(tmp_path, embedders) as made:
        made.create(NAME, SETTINGS)
        yield made


def test_what_is_waited_for_is_searchable_and_an_update_replaces(library: Library) -> None:
    write(library, *some(3))
    write(library, trajectory("t1", "Another"))
    assert {id: one.instruction for id, one in found(library).items()} == {
        "t0": "Find red 0",
        "t1": "Another",
        "t2": "Find red 2",
    }
    library.reindex(NAME)
    write(library, trajectory("t0", "Changed after the generation"))
    assert sorted(one.instruction for one in found(library).values()) == [
        "Another",
        "Changed after the generation",
        "Find red 2",
    ]


def test_a_delete_counts_at_once_though_indexing_stands_still(library: Library, embedders: Embedders) -> None:
    write(library, *some(3))
    library.reindex(NAME)
    write(library, trajectory("t3"))
    embedders["hashing-64"].gate.clear()
    library.upsert(NAME, "trajectory", [trajectory("t4", "Never seen before"), trajectory("t1", "A new one")])
    for id in ("t0", "t1", "t3", "t4"):
        library.delete(NAME, "trajectory", id)
    assert set(found(library)) == {"t2"}
    embedders["hashing-64"].gate.set()
    library.wait(NAME, library.collection(NAME).sequence)
    assert set(found(library)) == {"t2"}


def test_a_delete_stays_through_reindex_rollback_and_reopening(tmp_path: Path, embedders: Embedders) -> None:
    with open_library(tmp_path, embedders) as library:
        library.create(NAME, SETTINGS)
        write(library, *some(3))
        first = library.reindex(NAME)
        library.delete(NAME, "trajectory", "t0")
        library.reindex(NAME)
        library.delete(NAME, "trajectory", "t1")
        assert set(found(library)) == {"t2"}
        assert library.rollback(NAME) == first.id
        assert set(found(library)) == {"t2"}
        with pytest.raises(NotFound, match="no trajectory 't0'"):
            library.delete(NAME, "trajectory", "t0")
    with open_library(tmp_path, embedders) as library:
        assert set(found(library)) == {"t2"}
        write(library, trajectory("t0", "Back again"))
        assert found(library)["t0"].instruction == "Back again"


def test_a_backlog_does_not_hold_up_who_opens_the_collection(tmp_path: Path, embedders: Embedders) -> None:
    with open_library(tmp_path, embedders) as library:
        library.create(NAME, SETTINGS)
        write(library, *some(3))
    embedder = embedders["hashing-64"]
    embedder.gate.clear()
    with open_library(tmp_path, embedders) as library:
        library.upsert(NAME, "trajectory", [trajectory("late", "Never embedded")])
        library.delete(NAME, "trajectory", "t2")
        assert set(found(library)) == {"t0", "t1"}
        embedder.gate.set()
        library.wait(NAME, library.collection(NAME).sequence)
        assert set(found(library)) == {"t0", "t1", "late"}


def test_nothing_is_embedded_twice(tmp_path: Path, embedders: Embedders) -> None:
    with open_library(tmp_path, embedders) as library:
        library.create(NAME, SETTINGS)
        for one in some(9):
            write(library, one)
        library.reindex(NAME)
        write(library, trajectory("t9", "Find red 0", [("other page", "click")]))
        library.delete(NAME, "trajectory", "t3")
    with open_library(tmp_path, embedders) as library:
        library.reindex(NAME)
        library.rollback(NAME)
        assert len(found(library)) == 9
    given = embedders["hashing-64"].indexed
    assert len(given) == len(set(given)) == 18


def test_another_process_writes_and_deletes(library: Library, tmp_path: Path, embedders: Embedders) -> None:
    write(library, *some(2))
    with open_library(tmp_path, embedders) as other:
        write(other, trajectory("t2"))
        other.delete(NAME, "trajectory", "t0")
        assert "t0" not in found(library)
        library.wait(NAME, library.collection(NAME).sequence)
        assert found(library) == found(other)
        other.reindex(NAME)
        assert library.snapshot(NAME).generation == other.snapshot(NAME).generation
        assert found(library) == found(other)


def test_a_removed_collection_is_gone_with_its_files(library: Library, tmp_path: Path) -> None:
    write(library, *some(2))
    library.reindex(NAME)
    library.remove(NAME)
    for call in (library.snapshot, library.reindex, library.rollback, library.remove):
        with pytest.raises(NotFound, match=NAME):
            call(NAME)
    assert list((tmp_path / "collections").iterdir()) == []
    library.create(NAME, SETTINGS)
    assert found(library) == {}


def test_trajectories_and_documents_of_one_id_are_two_records(library: Library) -> None:
    write(library, trajectory("same"))
    library.wait(NAME, library.upsert(NAME, "document", [Document("same", "", "text")]).sequence)
    library.reindex(NAME)
    library.delete(NAME, "document", "same")
    snapshot = library.snapshot(NAME)
    assert (snapshot.trajectories.count, snapshot.documents.count) == (1, 0)


def test_many_threads_write_delete_read_and_reindex(library: Library) -> None:
    stop = threading.Event()

    def writer(worker: int) -> set[str]:
        kept = set()
        for n in range(12):
            write(library, trajectory(f"{worker}-{n}", f"Find {n}"))
            assert f"{worker}-{n}" in found(library)
            if n % 3:
                library.delete(NAME, "trajectory", f"{worker}-{n}")
                assert f"{worker}-{n}" not in found(library)
            else:
                kept.add(f"{worker}-{n}")
        return kept

    def builder() -> int:
        built = 0
        while not stop.is_set():
            library.reindex(NAME)
            built += 1
        return built

    with ThreadPoolExecutor(5) as pool:
        building = pool.submit(builder)
        writing = [pool.submit(writer, worker) for worker in range(3)]
        kept: set[str] = set().union(*(done.result() for done in writing))
        stop.set()
        assert building.result() > 0
    assert set(found(library)) == kept


def test_closing_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with open_library(tmp_path) as library:
        library.create(NAME, SETTINGS)
        write(library, *some(3))
        library.lane("hashing-64").queries(["a", "b"])
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()


def test_closing_amid_embedding_ends_soon_and_opening_goes_on(tmp_path: Path, embedders: Embedders) -> None:
    records = [trajectory(f"t{n}", f"Find number {n}", [(f"page {n}", "click")]) for n in range(400)]
    with open_library(tmp_path, embedders) as library:
        library.create(NAME, SETTINGS)
        library.snapshot(NAME)
        embedders["hashing-64"].gate.clear()
        library.upsert(NAME, "trajectory", records)
        closing = threading.Thread(target=library.close)
        closing.start()
        time.sleep(0.2)
        embedders["hashing-64"].gate.set()
        closing.join(30)
        assert len(embedders["hashing-64"].indexed) <= 256
    with open_library(tmp_path, embedders) as library:
        library.wait(NAME, library.collection(NAME).sequence)
        assert len(found(library)) == 400
    assert len(embedders["hashing-64"].indexed) == len(set(embedders["hashing-64"].indexed))
