"""A generation on disk is whole or not there, and never served broken."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from indexing.errors import CorruptGeneration, StorageFull
from indexing.generations import MANIFEST, Generation, Manifest, load_generation, remove_leftovers, verify
from indexing.library import Library
from indexing.records import JSON, Document
from retrievers.requests import Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from tests.support.collections import NAME, SETTINGS, Embedders, open_library, trajectory


class Died(BaseException):
    """The process ends here."""


@pytest.fixture
def embedders() -> Embedders:
    return Embedders()


def fill(library: Library) -> None:
    library.create(NAME, SETTINGS)
    records = [
        trajectory(f"t{n}", f"Find red {n % 2}", [("OK.", f"click {n}")], metadata={"n": n}) for n in range(4)
    ]
    library.upsert(NAME, "trajectory", records)
    library.upsert(NAME, "document", [Document("d", "Shapes", "red square")])
    library.wait(NAME, library.collection(NAME).sequence)


@pytest.fixture
def library(tmp_path: Path, embedders: Embedders) -> Iterator[Library]:
    with open_library(tmp_path, embedders) as made:
        fill(made)
        yield made


def answers(library: Library) -> list[JSON]:
    live = library.live(NAME)
    found = []
    for strategy in ("agentic", "paper", "documents", "random"):
        request = Request(Situation("Find red", (), "OK."), strategy, (Query("red", "agent"),), render=True)
        fields = retrieve(live.snapshot, live.builder.lane, request).to_fields()
        del fields["timings_ms"], fields["generation"]
        found.append(fields)
    return found


def root(library: Library) -> Path:
    return library.publisher.root(library.collection(NAME).id)


def dying(monkeypatch: pytest.MonkeyPatch, step: str, count: int) -> Callable[[], int]:
    """Have the count-th call of an `os` function end the process; tells how often it was called."""
    calls = 0
    real = getattr(os, step)

    def call(*args: object, **more: object) -> object:
        nonlocal calls
        calls += 1
        if calls == count:
            raise Died
        return real(*args, **more)

    monkeypatch.setattr(os, step, call)
    return lambda: calls


@pytest.mark.parametrize("step", ["fsync", "rename", "mkdir"])
def test_a_crash_at_any_step_of_writing_leaves_what_was_served(
    tmp_path: Path, embedders: Embedders, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with open_library(tmp_path, embedders) as library:
        fill(library)
        library.reindex(NAME)
        with monkeypatch.context() as patch:
            calls = dying(patch, step, 0)
            served = library.reindex(NAME).id
        steps = calls()
        assert steps >= {"fsync": 40, "rename": 1, "mkdir": 2}[step]
        before = answers(library)
        for count in sorted({*range(1, steps + 1, 6), *range(max(1, steps - 3), steps + 1)}):
            with monkeypatch.context() as patch:
                dying(patch, step, count)
                with pytest.raises(Died):
                    library.reindex(NAME)
            assert library.snapshot(NAME).generation == served
            assert answers(library) == before
            assert not list(root(library).glob("tmp-*"))
        assert answers(library) == before
    with open_library(tmp_path, embedders) as library:
        library.start()
        assert answers(library) == before
        known = {row.id for row in library.catalog.generations(library.collection(NAME).id)}
        assert {path.name for path in root(library).iterdir()} == known


def test_a_full_disk_while_writing_leaves_nothing_behind(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = library.reindex(NAME).id

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(StorageFull, match="make room"):
            library.reindex(NAME)
    assert library.snapshot(NAME).generation == served
    assert [path.name for path in root(library).iterdir()] == [served]


def expected(library: Library) -> dict[str, JSON]:
    row = library.catalog.generation(library.snapshot(NAME).generation)
    assert row is not None
    return dict(row.manifest)


def damaged(folder: Path, copy: Path) -> Iterator[tuple[str, Path]]:
    """Copies of a generation, each with one file cut, changed or missing."""
    draw = random.Random(7)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        bit = draw.randrange(8 * len(whole))
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        cuts = {size: whole[:size] for size in (0, 1, len(whole) // 2, len(whole) - 1)}
        for what, content in (
            *cuts.items(),
            ("longer", whole + b"\0"),
            ("flipped", bytes(flipped)),
            ("gone", None),
        ):
            if content is None:
                (copy / path.name).unlink()
            else:
                (copy / path.name).write_bytes(content)
            yield f"{path.name} {what}", copy
        (copy / path.name).write_bytes(whole)


def test_every_damaged_file_is_refused(library: Library, tmp_path: Path) -> None:
    library.reindex(NAME)
    folder = root(library) / library.snapshot(NAME).generation
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    manifest = expected(library)
    tried = 0
    for what, broken in damaged(folder, copy):
        try:
            verify(broken, manifest)
        except CorruptGeneration:
            tried += 1
        else:
            pytest.fail(f"{what} goes unnoticed")
    assert tried > 7 * 40
    verify(copy, manifest)


@pytest.mark.parametrize("what", ["emptied", "flipped", "gone", "manifest"])
def test_a_broken_generation_is_built_again_with_the_same_answers(
    tmp_path: Path, embedders: Embedders, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    with open_library(tmp_path, embedders) as library:
        fill(library)
        broken = library.reindex(NAME).id
        before = answers(library)
        folder = root(library) / broken
    if what == "emptied":
        (folder / "trajectories.bodies.npy").write_bytes(b"")
    elif what == "flipped":
        content = bytearray((folder / "trajectories.outline.faiss").read_bytes())
        content[-1] ^= 1
        (folder / "trajectories.outline.faiss").write_bytes(content)
    elif what == "gone":
        shutil.rmtree(folder)
    else:
        (folder / MANIFEST).write_text("{}")
    given = len(embedders["hashing-64"].indexed)
    with open_library(tmp_path, embedders) as library:
        assert answers(library) == before
        assert library.snapshot(NAME).generation != broken
        assert "is refused" in caplog.text
        again = library.snapshot(NAME).generation
    with open_library(tmp_path, embedders) as library:
        assert library.snapshot(NAME).generation == again
    assert len(embedders["hashing-64"].indexed) == given


def test_another_format_is_refused() -> None:
    with pytest.raises(CorruptGeneration, match="another version"):
        Manifest.from_fields({"format": 0})


def test_a_loaded_generation_is_mapped_and_can_not_be_written_to(library: Library) -> None:
    library.reindex(NAME)
    folder = root(library) / library.snapshot(NAME).generation
    loaded: Generation = load_generation(folder, expected(library))
    for arrays in (loaded.trajectories.arrays, loaded.documents.arrays):
        assert arrays
        for name, array in arrays.items():
            assert isinstance(array.base, np.memmap), name
            assert not array.flags.writeable, name


def test_an_empty_collection_has_generations_too(tmp_path: Path, embedders: Embedders) -> None:
    with open_library(tmp_path, embedders) as library:
        library.create(NAME, SETTINGS | {"documents_engine": "dense"})
        library.reindex(NAME)
        assert all(not fields["demonstrations"] for fields in answers(library))
    with open_library(tmp_path, embedders) as library:
        assert all(not fields["documents"] for fields in answers(library))
        library.wait(NAME, library.upsert(NAME, "trajectory", [trajectory("a")]).sequence)
        assert [one["id"] for one in answers(library)[0]["demonstrations"]] == ["a"]


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("tmp-1", "1", "2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    assert sorted(remove_leftovers(tmp_path, ["2"])) == ["1", "tmp-1"]
    assert [path.name for path in tmp_path.iterdir()] == ["2"]
    assert remove_leftovers(tmp_path / "nowhere", []) == []
