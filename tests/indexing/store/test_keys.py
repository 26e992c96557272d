from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, make_url

from indexing.errors import Conflict, NotFound
from indexing.keys import Key
from indexing.store.database import open_database, write
from indexing.store.keys import USED_EVERY_S, KeyStore

KEY = Key("a1", "the crawler", bytes(range(32)), {"retrieve": None, "write": frozenset({"b", "a"})}, 10.0)


@pytest.fixture
def store(engine: Engine) -> KeyStore:
    return KeyStore(engine)


def test_a_key_is_kept_as_it_was_made(store: KeyStore) -> None:
    assert not store.exist()
    later = replace(KEY, id="b2", grants={"admin": frozenset({"c"})}, created_at=11.0, expires_at=99.5)
    store.add(later)
    store.add(KEY)
    assert store.exist()
    assert store.list() == [KEY, later]


def test_an_id_is_taken_once(store: KeyStore) -> None:
    store.add(KEY)
    with pytest.raises(Conflict, match="'a1'"):
        store.add(replace(KEY, name="another"))
    assert store.list() == [KEY]


def test_a_key_is_revoked_once_and_stays(store: KeyStore) -> None:
    store.add(KEY)
    store.revoke("a1", 20.0)
    store.revoke("a1", 30.0)
    assert store.list() == [replace(KEY, revoked_at=20.0)]
    assert store.exist()


def test_a_forgotten_key_has_never_been(store: KeyStore) -> None:
    store.add(KEY)
    store.forget("a1")
    assert not store.exist()
    with pytest.raises(NotFound, match="no key 'a1'"):
        store.forget("a1")
    with pytest.raises(NotFound, match="no key 'a1'"):
        store.revoke("a1", 1.0)


def test_the_last_use_is_kept_to_the_hour(store: KeyStore) -> None:
    store.add(KEY)
    uses = (100.0, 101.0, 99.0 + USED_EVERY_S, 100.0 + USED_EVERY_S)
    kept = []
    for at in uses:
        store.used("a1", at)
        kept.append(store.list()[0].used_at)
    assert kept == [100.0, 100.0, 100.0, 100.0 + USED_EVERY_S]
    store.used("gone", 1.0)


def test_a_database_from_before_keys_is_brought_up_with_its_records(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", "indexing.store:migrations")
    with write(engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO collections (name, settings, created_at) VALUES ('a', '{}', 1)"
        )
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    assert not inspect(engine).has_table("keys")
    open_database(engine.url.render_as_string(hide_password=False)).dispose()
    KeyStore(engine).add(KEY)
    with write(engine) as connection:
        assert connection.exec_driver_sql("SELECT name FROM collections").all() == [("a",)]


def test_only_the_digest_is_in_the_file(sqlite_url: str, sqlite_engine: Engine) -> None:
    from service.keys import new_key

    token, key = new_key("mine", {"retrieve": None}, 1.0)
    KeyStore(sqlite_engine).add(key)
    path = make_url(sqlite_url).database
    assert path is not None
    with sqlite3.connect(path) as connection:
        dumped = "\n".join(connection.iterdump())
    connection.close()
    assert key.id in dumped
    assert token.rsplit("_", 1)[1] not in dumped
