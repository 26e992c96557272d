"""Settings that change before the first generation."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from indexing.embedder import HashingEmbedder, Vectors
from indexing.library import Library
from tests.support.collections import NAME, SETTINGS, Embedders, open_library, trajectory
from tests.support.libraries import found, some, write


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path, Embedders()) as made:
        made.create(NAME, SETTINGS)
        yield made


def test_settings_before_the_first_generation_hold_at_once(library: Library) -> None:
    write(library, trajectory("a", steps=[("a  page", "wait")]))
    library.create(NAME, {"observation_normalizer": "verbatim"})
    snapshot = library.snapshot(NAME)
    _, normalized, _ = snapshot.analyzer.situation("a page")
    assert len(snapshot.occurrences(normalized, snapshot.scope((), ()))) == 0
    assert set(found(library)) == {"a"}
    write(library, trajectory("b"))
    assert set(found(library)) == {"a", "b"}


class Gate(HashingEmbedder):
    """Embeds nothing but what is asked while it is shut."""

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self.open = threading.Event()

    def encode(self, texts: Sequence[str]) -> Vectors:
        assert self.open.wait(30)
        return super().encode(texts)


@pytest.fixture
def gates() -> dict[str, Gate]:
    """Only the first is open."""
    made = {f"hashing-{dimension}": Gate(dimension) for dimension in (64, 96, 128)}
    made["hashing-64"].open.set()
    return made


@pytest.fixture
def gated(tmp_path: Path, gates: dict[str, Gate]) -> Iterator[Library]:
    with Library(tmp_path, gates.__getitem__) as made:
        made.create(NAME, SETTINGS)
        write(made, *some(3))
        yield made


def embedder_comes(library: Library, dimension: int) -> bool:
    deadline = time.monotonic() + 20
    while library.live(NAME).builder.lane.embedder.dimension != dimension:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_another_embedder_before_the_first_generation_hides_nothing_meanwhile(
    gates: dict[str, Gate], gated: Library
) -> None:
    gated.create(NAME, {"embedder": "hashing-96"})
    gated.create(NAME, {"embedder": "hashing-128"})
    gates["hashing-96"].open.set()
    gated.delete(NAME, "trajectory", "t0")
    assert set(found(gated)) == {"t1", "t2"}
    assert gated.live(NAME).builder.lane.embedder.dimension == 64
    gates["hashing-128"].open.set()
    assert embedder_comes(gated, 128)
    assert set(found(gated)) == {"t1", "t2"}
    write(gated, trajectory("new"))
    assert set(found(gated)) == {"t1", "t2", "new"}


def test_an_embedder_thought_better_of_never_comes(gates: dict[str, Gate], gated: Library) -> None:
    gated.create(NAME, {"embedder": "hashing-96"})
    gated.create(NAME, SETTINGS)
    gates["hashing-96"].open.set()
    write(gated, trajectory("new"))
    assert set(found(gated)) == {"t0", "t1", "t2", "new"}
    assert gated.live(NAME).builder.lane.embedder.dimension == 64
    gated.create(NAME, {"embedder": "hashing-128"})
    gated.reindex(NAME, {"embedder": "hashing-64"})
    gates["hashing-128"].open.set()
    write(gated, trajectory("newer"))
    assert gated.live(NAME).builder.lane.embedder.dimension == 64
    assert gated.live(NAME).generation is not None
