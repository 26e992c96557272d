"""What doctor says of collections: their vectors, their generations, what waits in memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from indexing.embedder import HashingEmbedder
from indexing.library import Library
from service.doctor.collections import check_collections
from tests.service.doctor.faults import faults, only_fault
from tests.support.shell import FAST, lines_of, shell_on, trajectory


class Newer(HashingEmbedder):
    def __init__(self) -> None:
        super().__init__(64)
        self.fingerprint = "hashing-64-v0"


def test_vectors_of_another_embedder_are_told(tmp_path: Path) -> None:
    with Library(tmp_path, lambda _: Newer()) as library:
        library.create("forms", {"embedder": "hashing-64"})
        library.reindex("forms")
        only_fault(check_collections(library), "problem", "hashing-64-v0", "precedent reindex forms")


def test_a_collection_whose_embedder_is_gone_is_told(tmp_path: Path) -> None:
    with Library(tmp_path, lambda _: HashingEmbedder(64)) as library:
        library.create("forms", {"embedder": "somebody/model"})
        library.reindex("forms")
        do = "precedent reindex forms --embedder all-MiniLM-L6-v2"
        only_fault(check_collections(library), "problem", "'somebody/model' isn't on this machine", do)


def test_a_rollback_that_would_be_refused_is_told(tmp_path: Path) -> None:
    with Library(tmp_path, lambda _: HashingEmbedder(64)) as library:
        library.create("forms", {"embedder": "hashing-64"})
        first = library.reindex("forms").id
        library.reindex("forms")
        assert faults(check_collections(library)) == []
        next(tmp_path.rglob(f"{first}/*.npy")).write_bytes(b"")
        what = f"a rollback would be refused: generation {first}"
        only_fault(check_collections(library), "warning", what, "precedent reindex forms")


def test_a_ranker_of_another_version_is_told(tmp_path: Path) -> None:
    other = b"tree\nfeature_names=one two\n"
    with Library(
        tmp_path, lambda _: HashingEmbedder(64), learner=lambda *_: {"ranker.txt": other}
    ) as library:
        library.create("forms", {"embedder": "hashing-64"})
        library.reindex("forms")
        only_fault(
            check_collections(library), "warning", "fitted by another version", "precedent reindex forms"
        )


def test_what_changed_since_is_no_disagreement_and_what_did_not_is(data: Path) -> None:
    shell = shell_on(data)
    more = data.parent / "more.ndjson"
    more.write_bytes(lines_of(trajectory(3) | {"instruction": "Another"}, trajectory(7), trajectory(8)))
    shell("ingest", more, "-c", "forms", "--no-index")
    with Library(data) as library:
        library.delete("forms", "trajectory", "t00004")
        library.delete("forms", "trajectory", "t00008")
        assert faults(check_collections(library)) == []
    with closing(sqlite3.connect(data / "precedent.db")) as database:
        database.execute("DELETE FROM records WHERE id = 't00001'")
        database.commit()
    with Library(data) as library:
        what = "holds 3 unchanged records of kind trajectory, the store 2"
        only_fault(check_collections(library), "problem", what, "precedent reindex forms")


def test_a_large_delta_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.doctor.collections.SMALL_DELTA", 3)
    shell = shell_on(data)
    more = data.parent / "more.ndjson"
    more.write_bytes(lines_of(*map(trajectory, range(10, 14))))
    shell("ingest", more, "-c", "forms", "--no-index")
    shell("ingest", more, *FAST, "-c", "other", "--no-index")
    with Library(data) as library:
        first, second = faults(check_collections(library))
    assert "4 records wait in memory" in first.what
    assert "no generation yet; all its 4 records" in second.what
    assert (first.do, second.do) == ("run: precedent reindex forms", "run: precedent reindex other")
