from __future__ import annotations

import threading
import time

import anyio
import pytest

from indexing.errors import DeadlineExceeded, Overloaded
from service import gate
from service.gate import Gate


def test_what_finds_no_thread_in_time_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "GRACE_S", 0.01)
    may_end, begun = threading.Event(), list[str]()

    def work() -> str:
        begun.append("first")
        assert may_end.wait(30)
        return "done"

    async def main() -> None:
        narrow = Gate(1, 1)
        answers: list[str] = []

        async def first() -> None:
            answers.append(await narrow.run(work, time.monotonic()))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            while not begun:
                await anyio.sleep(0.001)
            with pytest.raises(DeadlineExceeded):
                await narrow.run(lambda: begun.append("second"), time.monotonic() + 0.02)
            may_end.set()
        assert answers == ["done"]
        assert (narrow.late, narrow.refused, narrow.inside) == (1, 0, 0)

    anyio.run(main)
    assert begun == ["first"]


def test_one_more_than_there_is_room_for_is_refused() -> None:
    may_end = threading.Event()

    async def main() -> None:
        narrow = Gate(1, 1)
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(narrow.run, lambda: may_end.wait(30), time.monotonic() + 30)
            await anyio.sleep(0.01)
            with pytest.raises(Overloaded):
                await narrow.run(lambda: True, time.monotonic() + 30)
            assert (narrow.inside, narrow.places, narrow.refused) == (2, 2, 1)
            may_end.set()
        assert await narrow.run(lambda: True, time.monotonic() + 30)

    anyio.run(main)


def test_who_has_gone_before_the_work_was_begun_has_it_left_undone() -> None:
    may_end, begun = threading.Event(), list[str]()

    async def main() -> None:
        narrow = Gate(1, 1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(narrow.run, lambda: may_end.wait(30), time.monotonic() + 30)
            await anyio.sleep(0.01)
            with anyio.move_on_after(0.01) as impatient:
                await narrow.run(lambda: begun.append("second"), time.monotonic() + 30)
            assert impatient.cancelled_caught
            may_end.set()
        assert await narrow.run(lambda: True, time.monotonic() + 30)
        narrow.close()

    anyio.run(main)
    assert not begun


def test_once_the_queue_has_overflowed_it_is_kept_short_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "CALM_S", 600.0)
    may_end = threading.Event()

    async def main() -> None:
        wide = Gate(1, 16)

        async def fill(places: int) -> int:
            """How many of so many more are let in."""
            entered = 0
            for _ in range(places):
                try:
                    wide.check()
                except Overloaded:
                    continue
                tasks.start_soon(wide.run, lambda: may_end.wait(30), time.monotonic() + 30)
                entered += 1
                await anyio.sleep(0)
            return entered

        async with anyio.create_task_group() as tasks:
            assert await fill(20) == 17
            may_end.set()
        may_end.clear()
        async with anyio.create_task_group() as tasks:
            assert await fill(20) == 1 + 16 // gate.CROWDED
            may_end.set()
        monkeypatch.setattr(gate, "CALM_S", 0.0)
        may_end.clear()
        async with anyio.create_task_group() as tasks:
            assert await fill(17) == 17
            may_end.set()
        wide.close()

    anyio.run(main)


def test_where_ever_more_is_sent_those_who_came_last_are_told_to_go() -> None:
    may_end, done, gone = threading.Event(), list[int](), list[int]()

    async def main() -> None:
        wide = Gate(1, 16)

        async def ask(number: int) -> None:
            try:
                done.append(await wide.run(lambda: may_end.wait(30) and number, time.monotonic() + 30))
            except Overloaded:
                gone.append(number)

        async with anyio.create_task_group() as tasks:
            for number in range(17 + 16):
                tasks.start_soon(ask, number)
                await anyio.sleep(0.001)
            may_end.set()
        wide.close()

    anyio.run(main)
    assert sorted(done) == list(range(1 + 16 // gate.CROWDED))
    assert sorted(gone) == list(range(1 + 16 // gate.CROWDED, 33))
