"""A restored collection is the one that was saved: records, numbers, answers; nothing is embedded."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from indexing.backup.restoring import Wish
from indexing.backup.taking import take
from indexing.errors import Conflict, EmbedderMismatch, InvalidInput, NotFound
from indexing.library import Library
from indexing.settings import CollectionSettings
from tests.support.backups import answers, brought_back, contents, everything, fill, saved
from tests.support.collections import NAME, SETTINGS, Embedders, open_library, trajectory
from tests.support.libraries import found, write


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path / "from") as made:
        fill(made)
        yield made


@pytest.fixture
def embedders() -> Embedders:
    return Embedders()


@pytest.fixture
def other(tmp_path: Path, embedders: Embedders) -> Iterator[Library]:
    """Another machine's."""
    with open_library(tmp_path / "to", embedders) as made:
        yield made


@pytest.mark.parametrize("engine", ["rank-bm25", "dense"])
def test_another_machine_gives_the_same_bytes_and_embeds_nothing(
    tmp_path: Path, other: Library, embedders: Embedders, engine: str
) -> None:
    with open_library(tmp_path / "made") as library:
        fill(library, documents_engine=engine)
        before, kept = answers(library), contents(library)
        archive = saved(library, NAME)
    outcome = brought_back(other, archive)
    assert list(outcome.restored) == [NAME]
    assert answers(other) == before
    assert contents(other) == kept
    other.reindex(NAME)
    assert set(found(other)) == {*(f"t{n}" for n in (1, 2, 3, *range(5, 12))), "new/é"}
    assert embedders["hashing-64"].indexed == []


def test_what_was_restored_goes_on_as_any_other(library: Library, other: Library, tmp_path: Path) -> None:
    brought_back(other, saved(library))
    write(other, trajectory("after", "Find it after"))
    other.delete(NAME, "trajectory", "t1")
    assert other.collection(NAME).sequence == library.collection(NAME).sequence + 2
    assert "after" in found(other)
    assert "t1" not in found(other)
    with open_library(tmp_path / "to") as again:
        again.start()
        assert "after" in found(again)
        assert not [name for name in everything(tmp_path / "to") if "restoring" in name]


def test_a_collection_without_a_generation_comes_back_too(tmp_path: Path, other: Library) -> None:
    with open_library(tmp_path / "made") as library:
        library.create(NAME, SETTINGS)
        library.create("empty", SETTINGS)
        write(library, trajectory("a"), trajectory("b"))
        before = answers(library)
        archive = saved(library)
    brought_back(other, archive)
    assert answers(other) == before
    assert found(other).keys() == {"a", "b"}
    assert other.collection("empty").generation is None


def test_several_collections_of_one_file_come_back_together_or_one_of_them(
    library: Library, other: Library
) -> None:
    fill(library, "second", 5)
    archive = saved(library)
    with pytest.raises(NotFound, match="it holds second, web"):
        brought_back(other, archive, Wish(only="third"))
    with pytest.raises(InvalidInput, match="holds 2 collections"):
        brought_back(other, archive, Wish(name="third"))
    assert other.catalog.list() == []
    brought_back(other, archive, Wish(only="second", name="third"))
    assert [row.name for row in other.catalog.list()] == ["third"]
    assert contents(other, "third") == contents(library, "second")
    other.remove("third")
    brought_back(other, archive)
    assert answers(other) == answers(library)
    assert answers(other, "second") == answers(library, "second")


def test_a_collection_that_is_there_is_replaced_only_when_told(library: Library, other: Library) -> None:
    brought_back(other, saved(library))
    archive = saved(library)
    write(other, trajectory("mine", "Written here"))
    live, before = other.live(NAME), contents(other)
    with pytest.raises(Conflict, match="--force"):
        brought_back(other, archive)
    assert contents(other) == before
    brought_back(other, archive, Wish(replace=True))
    assert contents(other) == contents(library)
    assert answers(other) == answers(library)
    assert other.live(NAME) is not live
    assert len([path for path in (other.folder / "collections").iterdir() if path.is_dir()]) == 1


def test_beside_the_original_it_is_another_collection(library: Library) -> None:
    before = answers(library)
    brought_back(library, saved(library), Wish(name="copy"))
    assert contents(library, "copy") == contents(library)
    assert library.snapshot("copy").generation != library.snapshot(NAME).generation
    assert answers(library) == before
    library.remove(NAME)
    assert set(found_ids(library, "copy")) == {f"t{n}" for n in (1, 2, 3, *range(5, 12))} | {"new/é"}


def found_ids(library: Library, name: str) -> list[str]:
    snapshot = library.snapshot(name)
    return [snapshot.trajectories.id(n) for n in np.flatnonzero(snapshot.scope((), ())).tolist()]


def test_vectors_of_another_build_are_refused_or_made_anew(
    library: Library, other: Library, embedders: Embedders
) -> None:
    embedders("hashing-64").fingerprint = "another build"
    archive = saved(library)
    with pytest.raises(EmbedderMismatch, match="--reindex"):
        brought_back(other, archive)
    assert other.catalog.list() == []
    brought_back(other, archive, Wish(indexes=False))
    assert embedders["hashing-64"].indexed == []
    other.reindex(NAME, {"embedder": "hashing-32"})
    assert found(other) == found(library)
    assert embedders["hashing-32"].indexed


def test_settings_that_are_not_allowed_here_are_refused(library: Library, other: Library) -> None:
    def allow(settings: CollectionSettings) -> None:
        raise InvalidInput(f"{settings.embedder} is not allowed here")

    with pytest.raises(InvalidInput, match="hashing-64 is not allowed"):
        brought_back(other, saved(library), Wish(allow=allow))
    assert other.catalog.list() == []


def test_damaged_indexes_are_left_out_and_built_again(
    library: Library, other: Library, embedders: Embedders, caplog: pytest.LogCaptureFixture
) -> None:
    live = library.live(NAME)
    path = library.publisher.root(live.id) / live.generation_id / "trajectories.ids.npy"  # type: ignore[operator]
    path.write_bytes(path.read_bytes()[:-1])
    archive = saved(library)
    assert "saved without its indexes" in caplog.text
    brought_back(other, archive)
    assert other.collection(NAME).generation is None
    assert found(other) == found(library)
    other.reindex(NAME)
    assert embedders["hashing-64"].indexed == []


def test_a_check_reads_everything_and_changes_nothing(library: Library, other: Library) -> None:
    archive = saved(library)
    assert list(brought_back(other, archive, check_only=True).restored) == [NAME]
    assert (other.catalog.list(), everything(other.folder)) == ([], set())
    with pytest.raises(InvalidInput, match="cut off"):
        brought_back(other, archive[:-100], check_only=True)


def test_nothing_to_save_is_told(library: Library, other: Library) -> None:
    with pytest.raises(NotFound, match="no collection 'none'"):
        saved(library, "none")
    with pytest.raises(NotFound, match="there is no collection"):
        saved(other)


def test_what_is_saved_is_one_moment_though_others_write(library: Library, other: Library) -> None:
    """Pairs are written in one transaction each, and deleted newest first: no archive has half a pair."""
    stop = threading.Event()

    def write_on() -> None:
        for number in range(10_000):
            if stop.is_set():
                return
            pair = [trajectory(f"pair/{number % 7}/{side}", f"Pair {number}") for side in "ab"]
            library.upsert(NAME, "trajectory", pair)
            if number % 5 == 4:
                library.reindex(NAME)

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        for turn in range(6):
            archive = saved(library, NAME)
            brought_back(other, archive, Wish(replace=turn > 0))
            texts = {id: one.instruction for id, one in found(other).items() if id.startswith("pair/")}
            assert len(texts) % 2 == 0
            for id, text in texts.items():
                assert texts[f"{id[:-1]}a"] == texts[f"{id[:-1]}b"] == text
    finally:
        stop.set()
        writer.join()


def test_the_same_state_gives_the_same_archive_but_for_the_time(library: Library) -> None:
    first, second = io.BytesIO(), io.BytesIO()
    one, two = take(library, None, first), take(library, None, second)
    assert one.members == two.members
    assert replace_time(one.to_bytes()) == replace_time(two.to_bytes())


def replace_time(manifest: bytes) -> list[bytes]:
    return [line for line in manifest.splitlines() if not line.startswith(b' "created_at"')]
