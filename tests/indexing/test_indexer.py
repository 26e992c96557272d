"""Who waits is told what became of what they wrote, not what went wrong before they asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indexing.errors import StorageFull
from indexing.indexer import Indexer
from indexing.live import LiveCollection
from indexing.store.records import RecordStore
from tests.support.collections import NAME, SETTINGS, open_library


class Scripted(LiveCollection):
    """Catches up as the test says; what was written is number 1."""

    work: Callable[[], None]

    def catch_up(self, store: RecordStore, stop: Callable[[], bool], embed: bool = True) -> None:  # noqa: ARG002
        self.work()


class Work:
    """One catching up: begun, held until it may go on, and then it ends as it is told to."""

    def __init__(self, live: Scripted, fails: bool) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self._live, self._fails = live, fails

    def __call__(self) -> None:
        self.begun.set()
        assert self.go_on.wait(30)
        if self._fails:
            raise StorageFull("no room")
        self._live.applied = 1


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Scripted]:
    with open_library(tmp_path) as library:
        library.create(NAME, SETTINGS)
        yield Scripted(7, library.live(NAME).builder, None)


@pytest.fixture
def indexer(tmp_path: Path, live: Scripted) -> Iterator[Indexer]:
    with open_library(tmp_path) as library:
        live.work = lambda: None
        made = Indexer(library.records, lambda: [live], lambda _: None)
        yield made
        made.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as made:
        yield made


def test_what_failed_before_is_told_no_more(
    live: Scripted, indexer: Indexer, pool: ThreadPoolExecutor
) -> None:
    failing, working = Work(live, fails=True), Work(live, fails=False)
    live.work = failing
    failing.go_on.set()
    with pytest.raises(StorageFull, match="what was written is kept"):
        indexer.wait(lambda: live, 1, 30)
    live.work = working
    waiting = pool.submit(indexer.wait, lambda: live, 1, 30)
    assert working.begun.wait(30)
    with pytest.raises(TimeoutError):
        waiting.result(0.2)
    working.go_on.set()
    waiting.result(30)


def test_what_was_begun_before_and_fails_is_tried_again(
    live: Scripted, indexer: Indexer, pool: ThreadPoolExecutor
) -> None:
    failing, working = Work(live, fails=True), Work(live, fails=False)
    live.work = failing
    indexer.wake()
    assert failing.begun.wait(30)
    asking = threading.Event()

    def asked() -> LiveCollection:
        asking.set()
        return live

    waiting = pool.submit(indexer.wait, asked, 1, 30)
    assert asking.wait(30)
    live.work = working
    failing.go_on.set()
    assert working.begun.wait(30)
    with pytest.raises(TimeoutError):
        waiting.result(0.2)
    working.go_on.set()
    waiting.result(30)


def test_what_keeps_failing_is_told(live: Scripted, indexer: Indexer, pool: ThreadPoolExecutor) -> None:
    live.work = Work(live, fails=True)
    live.work.go_on.set()
    for _ in range(3):
        with pytest.raises(StorageFull, match="what was written is kept"):
            pool.submit(indexer.wait, lambda: live, 1, 30).result(30)
