"""Which generations stay, and what a rollback brings back."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.embedder import Embedder
from indexing.errors import Conflict, CorruptGeneration, EmbedderMismatch, InvalidInput
from indexing.library import Library
from indexing.retention import DAY_S, Retention, is_target
from indexing.store.catalog import Generation, GenerationState
from tests.support.collections import NAME, SETTINGS, Embedders, open_library
from tests.support.libraries import found, some, write

STATES: list[GenerationState] = ["retired", "failed", "withdrawn"]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as made:
        made.create(NAME, SETTINGS)
        write(made, *some(2))
        yield made


def folders(library: Library) -> set[str]:
    root = library.publisher.root(library.collection(NAME).id)
    return {path.name for path in root.iterdir()}


@given(
    st.lists(st.sampled_from(STATES), max_size=8),
    st.integers(0, 8),
    st.integers(2, 5),
    st.none() | st.floats(1, 9),
)
def test_what_is_served_and_what_a_rollback_needs_always_stay(
    states: list[GenerationState], place: int, count: int, days: float | None
) -> None:
    place = min(place, len(states))
    named: list[GenerationState] = [*states[:place], "ready", *states[place:]]
    now = 100 * DAY_S
    history = [
        Generation(str(number), 1, state, 0, now - number * DAY_S, {}) for number, state in enumerate(named)
    ]
    gone = {one.id for one in Retention(count, days).superfluous(history, str(place), now)}
    stay = [one for one in history if one.id not in gone]
    targets = [one for one in history[place + 1 :] if is_target(one)]
    assert history[place] in stay
    assert targets[:1] == [one for one in stay if one in targets[:1]]
    assert len(stay) <= count
    if days is None:
        assert [one for one in stay if one in targets] == targets[: count - 1]
        damaged = [one for one in history if one is not history[place] and not is_target(one)]
        room = max(0, count - 1 - len(targets))
        assert [one for one in stay if one in damaged] == damaged[:room]
    else:
        assert all(one in (history[place], *targets[:1]) or int(one.id) <= days for one in stay)
    assert Retention(count, days).superfluous(history, None, 0.0) == []


def test_the_number_that_is_kept_is_the_operators(tmp_path: Path) -> None:
    with Library(tmp_path, Embedders(), keep=Retention(2)) as library:
        library.create(NAME, SETTINGS)
        made = [library.reindex(NAME).id for _ in range(4)]
        assert folders(library) == set(made[-2:])
        assert library.rollback(NAME) == made[-2]


def test_old_ones_go_but_not_the_one_before(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.publisher.keep = Retention(5, days=1.0)
    made = [library.reindex(NAME).id for _ in range(3)]
    assert folders(library) == set(made)
    later = time.time() + 2 * DAY_S
    monkeypatch.setattr("indexing.publishing.time.time", lambda: later)
    last = library.reindex(NAME).id
    assert folders(library) == {made[-1], last}


def test_one_that_is_being_loaded_stays_until_the_next_time(library: Library) -> None:
    library.publisher.keep = Retention(2)
    first = library.reindex(NAME).id
    handle = os.open(library.publisher.root(library.collection(NAME).id) / first, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)
    made = [library.reindex(NAME).id for _ in range(2)]
    assert folders(library) == {first, *made}
    os.close(handle)
    last = library.reindex(NAME).id
    assert folders(library) == {made[-1], last}


def test_what_is_removed_while_it_is_searched_still_answers(library: Library) -> None:
    library.publisher.keep = Retention(2)
    library.reindex(NAME)
    old = library.snapshot(NAME)
    for _ in range(3):
        library.reindex(NAME)
    assert old.generation not in folders(library)
    assert {old.trajectory(number).id for number in range(old.size)} == {"t0", "t1"}


def test_rolled_back_twice_then_reindexed_it_never_goes_back_to_what_was_left(library: Library) -> None:
    first, second, third = [library.reindex(NAME).id for _ in range(3)]
    assert library.rollback(NAME) == second
    assert library.rollback(NAME) == first
    with pytest.raises(Conflict, match="no generation before"):
        library.rollback(NAME)
    fourth = library.reindex(NAME).id
    assert folders(library) == {first, third, fourth}
    assert library.rollback(NAME) == first
    states = {row.id: row.state for row in library.catalog.generations(library.collection(NAME).id)}
    assert states == {first: "ready", third: "withdrawn", fourth: "withdrawn"}


def test_a_rollback_brings_its_settings_back(library: Library, tmp_path: Path) -> None:
    library.reindex(NAME)
    library.reindex(NAME, {"observation_normalizer": "verbatim", "embedder": "hashing-128"})
    library.create(NAME, {"environment": "shops", "documents_engine": "dense"})
    library.rollback(NAME)
    settings = library.collection(NAME).settings
    assert settings == library.live(NAME).builder.settings.to_fields() | {"environment": "shops"}
    assert (settings["observation_normalizer"], settings["embedder"]) == ("text", "hashing-64")
    with open_library(tmp_path) as again:
        assert again.snapshot(NAME).settings.observation_normalizer == "text"
        assert again.reindex(NAME).settings.embedder == "hashing-64"


def test_a_rollback_to_another_build_of_the_model_is_refused_before_it_is_served(tmp_path: Path) -> None:
    embedders = Embedders()
    with open_library(tmp_path, embedders) as library:
        library.create(NAME, SETTINGS)
        write(library, *some(2))
        library.reindex(NAME)
        served = library.reindex(NAME, {"embedder": "hashing-128"}).id
    embedders.made.clear()
    embedders("hashing-64").fingerprint = "another build"
    with open_library(tmp_path, embedders) as library:
        with pytest.raises(EmbedderMismatch, match="another build"):
            library.rollback(NAME)
        assert library.snapshot(NAME).generation == served
        assert len(found(library)) == 2


def test_a_model_that_is_gone_is_told_and_another_repairs_it(tmp_path: Path) -> None:
    embedders = Embedders()
    with open_library(tmp_path, embedders) as library:
        library.create(NAME, SETTINGS)
        write(library, *some(2))
        library.reindex(NAME)

    def without(name: str) -> Embedder:
        if name == "hashing-64":
            raise InvalidInput("embedder 'hashing-64' can't be loaded", "embedder")
        return embedders(name)

    with Library(tmp_path, without) as library:
        with pytest.raises(EmbedderMismatch, match=f"precedent reindex {NAME} --embedder all-MiniLM-L6-v2"):
            library.snapshot(NAME)
        library.reindex(NAME, {"embedder": "hashing-32"})
        assert len(found(library)) == 2


def test_a_rollback_onto_a_damaged_one_changes_nothing(library: Library) -> None:
    first = library.reindex(NAME).id
    second = library.reindex(NAME, {"observation_normalizer": "verbatim"}).id
    before = library.collection(NAME)
    next((library.publisher.root(before.id) / first).glob("*.npy")).write_bytes(b"")
    told = rf"generation {first}, .* served {second}, is refused: .* stays.* reindex {NAME} --set .*=text$"
    with pytest.raises(CorruptGeneration, match=told):
        library.rollback(NAME)
    assert library.collection(NAME) == before
    assert library.snapshot(NAME).generation == second


def test_a_build_removes_first_what_a_crash_left_but_not_while_another_builds(library: Library) -> None:
    id = library.collection(NAME).id
    left = library.publisher.root(id) / "1a2b-3c4d"
    left.mkdir(parents=True)
    library.reindex(NAME)
    served = library.collection(NAME).generation
    assert folders(library) == {served}
    with library.publisher.building(id):
        left.mkdir()
        library.reindex(NAME)
        assert left.is_dir()
