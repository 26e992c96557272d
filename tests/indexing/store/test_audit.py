from __future__ import annotations

import pytest
from sqlalchemy import Engine

from indexing.store.audit import LONGEST, AuditLog, Entry
from indexing.store.catalog import Catalog


@pytest.fixture
def log(engine: Engine) -> AuditLog:
    return AuditLog(engine)


def entry(at: float, key: str = "k", collection: str | None = "a") -> Entry:
    return Entry(at, key, "POST /collections/{collection}/reindex", 202, collection, "job", 3)


def test_entries_come_newest_first_as_they_were_written(log: AuditLog) -> None:
    entries = [entry(2.0), entry(1.0, "l", "b"), Entry(3.0, "", "precedent keys create", 0, subject="k")]
    for one in entries:
        log.append(one)
    assert log.list(9) == entries[::-1]
    assert log.list(2) == entries[:0:-1]
    assert log.list(9, since=2.0) == [entries[2], entries[0]]
    assert log.list(9, key="l") == log.list(9, collection="b") == [entries[1]]
    assert log.list(9, key="") == [entries[2]]


def test_what_a_command_did(log: AuditLog) -> None:
    log.command("precedent keys revoke", "k")
    (found,) = log.list(9)
    assert (found.key, found.action, found.status, found.subject) == ("", "precedent keys revoke", 0, "k")


def test_old_entries_are_forgotten(log: AuditLog) -> None:
    for at in (1.0, 2.0, 3.0):
        log.append(entry(at))
    assert log.forget(3.0) == 2
    assert log.list(9) == [entry(3.0)]


def test_an_entry_outlives_its_collection_and_is_bounded(log: AuditLog, engine: Engine) -> None:
    catalog = Catalog(engine)
    made = catalog.create("a", {})
    log.append(entry(1.0))
    catalog.delete(made.id)
    log.append(entry(2.0, collection="x\x00" + "y" * 10_000))
    newest, oldest = log.list(9)
    assert oldest == entry(1.0)
    assert newest.collection == ("x\ufffd" + "y" * 10_000)[:LONGEST]
