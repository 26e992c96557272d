"""Generations of a library, its settings, and embedders that change or fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indexing.building import Progress
from indexing.embedder import HashingEmbedder, Vectors
from indexing.errors import Conflict, EmbedderMismatch, EmbeddingFailed, InvalidInput
from indexing.generations import Manifest
from indexing.library import Library
from indexing.records import JSON
from indexing.store.catalog import Collection
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


def test_a_rollback_needs_a_generation_before(library: Library) -> None:
    with pytest.raises(Conflict, match="no generation before"):
        library.rollback(NAME)
    library.reindex(NAME)
    with pytest.raises(Conflict, match="no generation before"):
        library.rollback(NAME)


def test_reads_and_writes_go_on_while_a_generation_is_built(library: Library) -> None:
    write(library, *some(5))
    before = library.snapshot(NAME)
    seen: list[set[str]] = []

    def watch(stage: str, done: int, total: int) -> None:  # noqa: ARG001
        if stage == "writing" and not seen:
            write(library, trajectory("new"))
            library.delete(NAME, "trajectory", "t0")
            seen.append(set(found(library)))
            assert library.snapshot(NAME).generation == before.generation

    manifest = library.reindex(NAME, progress=watch)
    assert seen == [{"new", "t1", "t2", "t3", "t4"}]
    assert set(found(library)) == seen[0]
    assert library.snapshot(NAME).generation == manifest.id
    assert before.trajectories.count == 5


def test_what_was_waited_for_is_not_missing_when_a_generation_is_swapped_in(library: Library) -> None:
    write(library, *some(2))
    publish = library.publisher.publish
    with ThreadPoolExecutor(1) as writer:

        def late(began: Collection, manifest: Manifest, changes: Mapping[str, JSON] | None = None) -> None:
            waited = writer.submit(write, library, trajectory("late"))
            time.sleep(0.3)
            told.append(waited.done())
            publish(began, manifest, changes)

        told: list[bool] = []
        library.publisher.publish = late  # type: ignore[method-assign]
        library.reindex(NAME)
        assert "late" in found(library) or not told[0]
    assert "late" in found(library)


def test_a_cancelled_reindex_changes_nothing(library: Library) -> None:
    write(library, *some(2))
    served = library.reindex(NAME)

    class Cancelled(Exception):
        pass

    def cancel(stage: str, done: int, total: int) -> None:  # noqa: ARG001
        if stage == "writing":
            raise Cancelled

    with pytest.raises(Cancelled):
        library.reindex(NAME, {"observation_normalizer": "verbatim"}, cancel)
    assert library.snapshot(NAME).generation == served.id
    assert library.collection(NAME).settings["observation_normalizer"] == "text"
    assert [row.id for row in library.catalog.generations(library.collection(NAME).id)] == [served.id]


def test_another_embedder_and_normalizer_come_with_a_generation(library: Library) -> None:
    write(library, trajectory("a", steps=[("a  page", "wait")]))
    library.reindex(NAME)
    library.create(NAME, {"embedder": "hashing-128", "observation_normalizer": "verbatim"})
    write(library, trajectory("b", steps=[("a page", "wait")]))
    before = library.snapshot(NAME)
    assert before.settings.embedder == "hashing-64"
    library.reindex(NAME)
    after = library.snapshot(NAME)
    observation = "a   page"
    for snapshot, equal in ((before, 2), (after, 0)):
        _, normalized, _ = snapshot.analyzer.situation(observation)
        assert len(snapshot.occurrences(normalized, snapshot.scope((), ()))) == equal
    lane = library.live(NAME).builder.lane
    assert lane.embedder.dimension == 128
    hits = after.search_dense("outline", lane.query("Find it"), 9, after.scope((), ()))
    assert len(hits) == 2
    library.rollback(NAME)
    assert library.live(NAME).builder.lane.embedder.dimension == 64
    assert set(found(library)) == {"a", "b"}


def test_a_reindex_does_not_undo_a_rollback_or_what_was_set_since_it_began(library: Library) -> None:
    write(library, *some(5))
    first = library.reindex(NAME)
    library.reindex(NAME, {"observation_normalizer": "verbatim"})

    def meanwhile(deed: Callable[[], object]) -> Progress:
        deeds: list[object] = []

        def watch(stage: str, done: int, total: int) -> None:  # noqa: ARG001
            if stage == "writing" and not deeds:
                deeds.append(deed())

        return watch

    with pytest.raises(Conflict, match=f"generation {first.id} with other settings has been served"):
        library.reindex(NAME, progress=meanwhile(lambda: library.rollback(NAME)))
    row = library.collection(NAME)
    assert (row.generation, row.settings["observation_normalizer"]) == (first.id, "text")
    assert set(found(library)) == {f"t{number}" for number in range(5)}

    changes: dict[str, JSON] = {"environment": "shop", "documents_engine": "dense"}
    again = library.reindex(
        NAME, {"observation_normalizer": "html"}, meanwhile(lambda: library.create(NAME, changes))
    )
    row = library.collection(NAME)
    assert row.generation == again.id
    used = changes | {"observation_normalizer": "html"}
    assert {name: row.settings[name] for name in used} == used


@pytest.mark.parametrize(
    ("changes", "blamed"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"observation_normalizer": "nonsense"}, "observation_normalizer"),
        ({"tokenizer": "no/such/tokenizer.json"}, "tokenizer"),
        ({"tokenizer": 5}, "tokenizer"),
        ({"embedder": ["hashing-64"]}, "embedder"),
        ({"environment": 5}, "environment"),
        ({"documents_engine": "nonsense"}, "documents_engine"),
    ],
)
def test_settings_without_a_meaning_are_refused(
    library: Library, changes: dict[str, object], blamed: str
) -> None:
    before = library.collection(NAME)
    with pytest.raises(InvalidInput) as caught:
        library.create(NAME, changes)
    assert caught.value.field == blamed
    assert library.collection(NAME) == before


def test_vectors_of_another_model_are_refused_until_reindexed(tmp_path: Path, embedders: Embedders) -> None:
    with open_library(tmp_path, embedders) as library:
        library.create(NAME, SETTINGS)
        write(library, *some(2))
        library.reindex(NAME)
    embedders.made.clear()
    embedders("hashing-64").fingerprint = "another build"
    with open_library(tmp_path, embedders) as library:
        with pytest.raises(EmbedderMismatch, match=f"precedent reindex {NAME}"):
            library.snapshot(NAME)
        library.upsert(NAME, "trajectory", [trajectory("t2")])
        library.delete(NAME, "trajectory", "t0")
        library.reindex(NAME)
        assert set(found(library)) == {"t1", "t2"}


class Moody(HashingEmbedder):
    """Breaks down over texts while `ill`."""

    def __init__(self) -> None:
        super().__init__(64)
        self.ill = threading.Event()

    def encode_query(self, text: str) -> Vectors:
        if self.ill.is_set():
            raise RuntimeError("CUDA error: out of memory\nand more")
        return super().encode_query(text)


def test_a_model_that_breaks_down_is_told_and_tried_again(tmp_path: Path) -> None:
    moody = Moody()
    with Library(tmp_path, lambda _: moody) as library:
        library.create(NAME, SETTINGS)
        write(library, trajectory("a"))
        moody.ill.set()
        sequence = library.upsert(NAME, "trajectory", [trajectory("b", "Something new")]).sequence
        with pytest.raises(EmbeddingFailed, match=r"RuntimeError CUDA error: out of memory$"):
            library.wait(NAME, sequence, 10)
        with pytest.raises(EmbeddingFailed):
            library.lane("hashing-64").query("a query")
        assert set(found(library)) == {"a"}
        moody.ill.clear()
        deadline = time.monotonic() + 20
        while "b" not in found(library) and time.monotonic() < deadline:
            time.sleep(0.05)
        library.wait(NAME, sequence, 10)
        assert set(found(library)) == {"a", "b"}


def test_only_the_last_generations_are_kept(library: Library, tmp_path: Path) -> None:
    write(library, *some(2))
    made = [library.reindex(NAME).id for _ in range(5)]
    (folder,) = (path for path in (tmp_path / "collections").iterdir() if path.is_dir())
    assert {path.name for path in folder.iterdir()} == set(made[-3:])
    assert library.rollback(NAME) == made[-2]
    assert library.rollback(NAME) == made[-3]
    with pytest.raises(Conflict):
        library.rollback(NAME)


def test_a_delta_asks_for_a_generation_when_it_outgrows_the_last(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexing.live.SMALL_DELTA", 4)
    write(library, *some(3))
    assert library.overgrown() == []
    write(library, *some(5))
    assert library.overgrown() == [NAME]
    library.reindex(NAME)
    assert library.overgrown() == []


def test_generations_stay_in_order_though_the_clock_is_set_back(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = library.reindex(NAME).id
    yesterday = time.time() - 86_400
    monkeypatch.setattr("indexing.publishing.time.time", lambda: yesterday)
    made = [library.reindex(NAME).id for _ in range(4)]
    assert library.snapshot(NAME).generation == made[-1]
    assert library.rollback(NAME) == made[-2] != before
