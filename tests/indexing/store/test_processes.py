"""Several processes, and several threads, on one database."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import Engine

from indexing.store.catalog import Catalog
from indexing.store.database import open_database, read
from indexing.store.records import SqlRecordStore
from tests.contract.record_store import trajectory

ROOT = Path(__file__).resolve().parents[3]


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.indexing.store.worker", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def test_two_processes_upsert_at_once(sqlite_url: str, sqlite_engine: Engine) -> None:
    collection = Catalog(sqlite_engine).create("squares", {}).id
    for process in [start("upsert", sqlite_url, "squares", worker) for worker in "ab"]:
        finish(process)
    store = SqlRecordStore(sqlite_engine)
    assert store.count(collection, "trajectory") == 2 * 20 * 5 + 3
    changes = store.changes(collection, 0, 1000)
    assert changes.sequence == 2 * 20 * 8
    numbers = [record.sequence for _, record in changes.upserts]
    assert numbers == sorted(set(numbers))


def test_threads_upsert_at_once(engine: Engine, collection: int) -> None:
    store = SqlRecordStore(engine)

    def work(worker: int) -> None:
        for i in range(20):
            batch = [trajectory(f"{worker}/{i}"), trajectory("shared", f"{worker} {i}")]
            assert store.upsert(collection, "trajectory", batch).accepted >= 1
            store.delete(collection, "trajectory", f"{worker}/{i - 1}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    changes = store.changes(collection, 0, 1000)
    assert store.count(collection, "trajectory") == 5
    assert len(changes.deletions) == 4 * 19
    assert changes.sequence == 4 * (20 + 20 + 19)


def test_a_follower_misses_nothing_while_others_write(engine: Engine, collection: int) -> None:
    store = SqlRecordStore(engine)
    done = threading.Event()
    followed: dict[str, int] = {}

    def follow() -> None:
        since = 0
        while True:
            last_round = done.is_set()
            changes = store.changes(collection, since, 7)
            for _, record in changes.upserts:
                assert record.sequence > since
                followed[record.id] = record.sequence
            for _, id, _ in changes.deletions:
                followed.pop(id, None)
            if last_round and changes.sequence == since:
                return
            since = changes.sequence

    def work(worker: int) -> None:
        for i in range(25):
            store.upsert(collection, "trajectory", [trajectory(f"{worker}/{i % 7}", str(i))])
            if i % 3 == 0:
                store.delete(collection, "trajectory", f"{worker}/{(i + 2) % 7}")

    with ThreadPoolExecutor(4) as pool:
        follower = pool.submit(follow)
        list(pool.map(work, range(3)))
        done.set()
        follower.result()
    assert followed == {
        record.id: record.sequence for record in store.page(collection, "trajectory", None, 100)
    }


def test_a_process_killed_inside_an_upsert_leaves_nothing_half_done(
    sqlite_url: str, sqlite_engine: Engine
) -> None:
    collection = Catalog(sqlite_engine).create("squares", {}).id
    store = SqlRecordStore(sqlite_engine)
    store.upsert(collection, "trajectory", [trajectory("kept")])
    before = store.changes(collection, 0, 10)

    process = start("hang", sqlite_url, "squares")
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    assert store.changes(collection, 0, 10) == before
    process.kill()
    process.communicate()

    assert store.changes(collection, 0, 10) == before
    assert store.upsert(collection, "trajectory", [trajectory("next")]).sequence == before.sequence + 1
    with read(sqlite_engine) as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


def test_processes_that_start_at_once_all_find_the_tables(sqlite_url: str) -> None:
    for process in [start("migrate", sqlite_url) for _ in range(3)]:
        finish(process)
    engine = open_database(sqlite_url)
    assert Catalog(engine).list() == []
    engine.dispose()


def test_threads_that_start_at_once_all_find_the_tables(sqlite_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        engines = list(pool.map(open_database, [sqlite_url] * 6))
    for engine in engines:
        assert Catalog(engine).list() == []
        engine.dispose()
