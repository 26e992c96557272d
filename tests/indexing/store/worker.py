"""What other processes do to a database: `python -m tests.indexing.store.worker WHAT URL …`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from indexing.store.catalog import Catalog
from indexing.store.database import open_database
from indexing.store.records import SqlRecordStore
from tests.contract.record_store import trajectory


def upsert(url: str, name: str, worker: str) -> None:
    """Twenty batches: records of its own, and some that every worker writes."""
    engine = open_database(url)
    collection = Catalog(engine).get(name)
    assert collection is not None
    store = SqlRecordStore(engine)
    for batch in range(20):
        own = [trajectory(f"{worker}/{batch}/{i}") for i in range(5)]
        shared = [trajectory(f"shared/{i}", f"{worker} {batch}") for i in range(3)]
        assert store.upsert(collection.id, "trajectory", own + shared).accepted >= len(own)
    engine.dispose()


def hang(url: str, name: str) -> None:
    """Stand still between the writing of a batch and its commit, until killed."""
    engine = open_database(url)
    collection = Catalog(engine).get(name)
    assert collection is not None

    @event.listens_for(engine, "after_cursor_execute")
    def _stop(*happened: Any) -> None:
        _, _, statement, *_ = happened
        if statement.startswith("INSERT INTO records"):
            sys.stdout.write("written\n")
            sys.stdout.flush()
            time.sleep(600)

    batch = [trajectory("kept", "changed")] + [trajectory(f"phantom/{i}", "x" * 2000) for i in range(4000)]
    SqlRecordStore(engine).upsert(collection.id, "trajectory", batch)


def migrate(url: str) -> None:
    """Open the database, new or not."""
    open_database(url).dispose()


if __name__ == "__main__":
    commands: dict[str, Callable[..., None]] = {"upsert": upsert, "hang": hang, "migrate": migrate}
    commands[sys.argv[1]](*sys.argv[2:])
