"""A snapshot, and a library that refuses what was made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from indexing.backup.restoring import Wish
from indexing.errors import InvalidInput, PrecedentError
from indexing.library import Library
from tests.support.backups import answers, brought_back, contents, everything, fill, saved
from tests.support.collections import NAME, open_library


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    with open_library(tmp_path_factory.mktemp("from")) as library:
        fill(library)
        return saved(library)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """One that holds another state of the same collection, which every refusal must leave."""
    with open_library(tmp_path_factory.mktemp("to")) as made:
        fill(made, count=6)
        yield made


@pytest.fixture
def refused(library: Library) -> Iterator[Callable[[bytes, str], None]]:
    """Says that an archive must be refused in these words, leaving everything as it was."""
    before = contents(library), answers(library), everything(library.folder)

    def check(content: bytes, words: str, fault: type[PrecedentError] = InvalidInput) -> None:
        with pytest.raises(fault, match=words):
            brought_back(library, content, Wish(replace=True))

    yield check
    assert (contents(library), answers(library), everything(library.folder)) == before
    assert [row.name for row in library.catalog.list()] == [NAME]
