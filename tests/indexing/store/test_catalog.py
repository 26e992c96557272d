from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from indexing.errors import Conflict, NotFound
from indexing.store.catalog import Catalog, Generation
from indexing.store.database import read
from indexing.store.episodes import EpisodeStore
from indexing.store.records import SqlRecordStore
from indexing.store.schema import deletions, episodes, generations, records
from indexing.store.vectors import VectorCache, text_hash
from tests.contract.record_store import document, trajectory


@pytest.fixture
def catalog(engine: Engine) -> Catalog:
    return Catalog(engine)


def generation(id: str, collection: int, created_at: float = 1.0) -> Generation:
    return Generation(id, collection, "building", 0, created_at, {"files": {"größe": 2**70}})


def test_a_collection_is_read_as_it_was_made(catalog: Catalog) -> None:
    settings = {"environment": "wéb", "masks": [["a", 1.5], None]}
    before = time.time()
    made = catalog.create("web", settings)
    assert (made.name, made.settings, made.sequence, made.generation) == ("web", settings, 0, None)
    assert before <= made.created_at <= time.time()
    assert catalog.get("web") == made
    assert catalog.list() == [made]


def test_a_name_that_nobody_has(catalog: Catalog) -> None:
    assert catalog.get("web") is None
    assert catalog.state("web") is None
    assert catalog.list() == []


def test_a_name_is_taken_once(catalog: Catalog) -> None:
    catalog.create("web", {})
    with pytest.raises(Conflict, match="there is a collection 'web' already"):
        catalog.create("web", {"other": 1})
    assert [collection.settings for collection in catalog.list()] == [{}]


def test_collections_are_listed_by_name(catalog: Catalog) -> None:
    for name in ("b", "a-1", "a", "a_1"):
        catalog.create(name, {})
    assert [collection.name for collection in catalog.list()] == ["a", "a-1", "a_1", "b"]
    assert [collection.name for collection in catalog.list(frozenset({"b", "a", "c"}))] == ["a", "b"]
    assert catalog.list(frozenset()) == []


def test_settings_are_replaced(catalog: Catalog) -> None:
    id = catalog.create("web", {"a": 1, "b": 2}).id
    catalog.update_settings(id, {"a": 3})
    found = catalog.get("web")
    assert found is not None
    assert found.settings == {"a": 3}


def test_the_state_follows_writes_at_once(catalog: Catalog, engine: Engine) -> None:
    id = catalog.create("web", {}).id
    assert catalog.state("web") == (id, 0, None)
    SqlRecordStore(engine).upsert(id, "document", [document("a"), document("b")])
    catalog.add_generation(generation("g1", id))
    catalog.serve(id, "g1")
    assert catalog.state("web") == (id, 2, "g1")


def test_the_state_is_read_by_many_threads_while_one_writes(catalog: Catalog, engine: Engine) -> None:
    id = catalog.create("web", {}).id
    done = threading.Event()

    def watch() -> list[int]:
        seen = []
        while not done.is_set():
            state = catalog.state("web")
            assert state is not None
            seen.append(state[1])
        return seen

    with ThreadPoolExecutor(4) as pool:
        watchers = [pool.submit(watch) for _ in range(4)]
        for i in range(20):
            SqlRecordStore(engine).upsert(id, "document", [document(str(i))])
        done.set()
        for watcher in watchers:
            assert watcher.result() == sorted(watcher.result())
    assert catalog.state("web") == (id, 20, None)


def test_a_removed_collection_takes_along_what_is_its_own(catalog: Catalog, engine: Engine) -> None:
    id, other = catalog.create("web", {}).id, catalog.create("other", {}).id
    store = SqlRecordStore(engine)
    for collection in (id, other):
        store.upsert(collection, "trajectory", [trajectory("a"), trajectory("b")])
        store.delete(collection, "trajectory", "a")
        EpisodeStore(engine).show(collection, "", "e", ["b"], 1.0)
        catalog.add_generation(generation(f"g{collection}", collection))
    VectorCache(engine).put("model", {text_hash("a"): np.ones(2, np.float32)})
    catalog.delete(id)
    with read(engine) as connection:
        for table in (records, deletions, episodes, generations):
            query = select(func.count()).select_from(table).group_by(table.c.collection)
            assert connection.scalars(query).all() == [1]
    assert VectorCache(engine).get("model", [text_hash("a")])
    assert [collection.name for collection in catalog.list()] == ["other"]


def test_the_id_of_a_removed_collection_never_comes_back(catalog: Catalog) -> None:
    removed = catalog.create("web", {}).id
    catalog.delete(removed)
    assert catalog.create("web", {}).id > removed


def test_generations_are_listed_newest_first(catalog: Catalog) -> None:
    id, other = catalog.create("web", {}).id, catalog.create("other", {}).id
    for name, created_at in [("b", 2.0), ("a", 1.0), ("c", 2.0)]:
        catalog.add_generation(generation(name, id, created_at))
    catalog.add_generation(generation("d", other))
    assert [found.id for found in catalog.generations(id)] == ["c", "b", "a"]
    assert catalog.generation("b") == generation("b", id, 2.0)
    assert catalog.generation("z") is None


def test_serving_swaps_and_marks_at_once(catalog: Catalog) -> None:
    id = catalog.create("web", {}).id

    def states() -> dict[str, str]:
        return {found.id: found.state for found in catalog.generations(id)}

    catalog.add_generation(generation("g1", id))
    catalog.add_generation(generation("g2", id))
    catalog.serve(id, "g1")
    assert states() == {"g1": "ready", "g2": "building"}
    catalog.serve(id, "g2")
    assert states() == {"g1": "retired", "g2": "ready"}
    catalog.serve(id, "g2")
    assert states() == {"g1": "retired", "g2": "ready"}
    catalog.serve(id, "g1")
    assert states() == {"g1": "ready", "g2": "retired"}
    catalog.serve(id, None)
    assert states() == {"g1": "retired", "g2": "retired"}
    assert catalog.state("web") == (id, 0, None)


def test_only_its_own_generation_is_served(catalog: Catalog) -> None:
    id, other = catalog.create("web", {}).id, catalog.create("other", {}).id
    catalog.add_generation(generation("g1", id))
    catalog.add_generation(generation("g2", other))
    catalog.serve(id, "g1")
    for wrong in ("g2", "g3"):
        with pytest.raises(NotFound, match=f"no generation '{wrong}'"):
            catalog.serve(id, wrong)
    assert catalog.state("web") == (id, 0, "g1")
    assert [found.state for found in catalog.generations(other)] == ["building"]


def test_a_served_generation_is_not_struck_out(catalog: Catalog) -> None:
    id = catalog.create("web", {}).id
    catalog.add_generation(generation("g1", id))
    catalog.serve(id, "g1")
    with pytest.raises(Conflict, match="is served"):
        catalog.delete_generation("g1")
    catalog.serve(id, None)
    catalog.delete_generation("g1")
    assert catalog.generations(id) == []


def test_a_generation_is_entered_once_and_marked(catalog: Catalog) -> None:
    id = catalog.create("web", {}).id
    catalog.add_generation(generation("g1", id))
    with pytest.raises(Conflict, match="there is a generation 'g1' already"):
        catalog.add_generation(generation("g1", id))
    catalog.set_generation_state("g1", "failed")
    assert [found.state for found in catalog.generations(id)] == ["failed"]


@pytest.mark.parametrize(
    "call",
    [
        lambda catalog: catalog.update_settings(99, {}),
        lambda catalog: catalog.delete(99),
        lambda catalog: catalog.serve(99, None),
        lambda catalog: catalog.add_generation(generation("g", 99)),
        lambda catalog: catalog.set_generation_state("g", "ready"),
        lambda catalog: catalog.delete_generation("g"),
    ],
)
def test_what_is_gone_is_not_found(catalog: Catalog, call: Callable[[Catalog], None]) -> None:
    with pytest.raises(NotFound):
        call(catalog)
