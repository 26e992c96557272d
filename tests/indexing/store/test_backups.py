"""Backups over SQLite and PostgreSQL: saved from either, restored into either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from indexing.backup.restoring import Wish
from indexing.library import Library
from tests.support.backups import answers, brought_back, contents, fill, saved
from tests.support.collections import NAME, Embedders


@pytest.fixture
def library(engine: Engine, tmp_path: Path) -> Iterator[Library]:
    url = engine.url.render_as_string(hide_password=False)
    with Library(tmp_path / "either", Embedders(), url) as made:
        yield made


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path / "plain", Embedders()) as made:
        yield made


def test_from_either_database_to_sqlite(library: Library, plain: Library) -> None:
    fill(library)
    brought_back(plain, saved(library))
    assert (answers(plain), contents(plain)) == (answers(library), contents(library))


def test_from_sqlite_to_either_database(library: Library, plain: Library) -> None:
    fill(plain)
    archive = saved(plain)
    brought_back(library, archive)
    assert (answers(library), contents(library)) == (answers(plain), contents(plain))
    brought_back(library, archive, Wish(name="copy"))
    brought_back(library, archive, Wish(replace=True))
    assert (answers(library), contents(library)) == (answers(plain), contents(plain))
    assert contents(library, "copy") == contents(plain)
    assert saved(library, NAME)
    library.reindex("copy")
    assert [row.name for row in library.catalog.list()] == ["copy", NAME]
