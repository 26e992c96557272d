from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from indexing.errors import NotFound
from indexing.store.episodes import EpisodeStore


@pytest.fixture
def store(engine: Engine) -> EpisodeStore:
    return EpisodeStore(engine)


def test_what_was_shown_is_kept_in_order_without_repeats(store: EpisodeStore, collection: int) -> None:
    assert store.shown(collection, "", "e") == []
    store.show(collection, "", "e", ["b", "a/ç", "b"], now=1.0)
    store.show(collection, "", "e", ["c", "b"], now=2.0)
    assert store.shown(collection, "", "e") == ["b", "a/ç", "c"]


def test_collections_keys_and_episodes_are_apart(store: EpisodeStore, collection: int, other: int) -> None:
    store.show(collection, "key", "e", ["a"], now=1.0)
    assert store.shown(other, "key", "e") == []
    assert store.shown(collection, "", "e") == []
    assert store.shown(collection, "key", "f") == []


def test_an_episode_is_forgotten_after_its_last_use(store: EpisodeStore, collection: int) -> None:
    store.show(collection, "", "old", ["a"], now=1.0)
    store.show(collection, "", "used again", ["a"], now=1.0)
    store.show(collection, "", "used again", [], now=5.0)
    assert store.forget(before=5.0) == 1
    assert store.shown(collection, "", "old") == []
    assert store.shown(collection, "", "used again") == ["a"]
    assert store.forget(before=5.0) == 0


def test_showing_at_once_loses_nothing(store: EpisodeStore, collection: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda id: store.show(collection, "", "e", [id], now=1.0), "abcdefgh"))
    assert sorted(store.shown(collection, "", "e")) == list("abcdefgh")


def test_an_episode_of_a_collection_that_is_gone(store: EpisodeStore) -> None:
    with pytest.raises(NotFound):
        store.show(99, "", "e", ["a"], now=1.0)
    assert store.shown(99, "", "e") == []
