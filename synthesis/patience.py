"""Calls into environments, which may hang: each has a thread of its own, and nobody waits for one forever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from threading import Thread
from types import TracebackType
from typing import TypeVar

from environments.errors import Stalled

T = TypeVar("T")


async def in_time(patience_s: float, call: Callable[[], T]) -> T:
    """What the call gives; raises what it raises, or Stalled once the time is over.

    A call that hangs is left to a daemon thread, which keeps neither the run nor the process from ending;
    a thread of the event loop's pool would.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any longer
            loop.call_soon_threadsafe(lambda: None if ended.done() else settle())

    def failed(_: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> bool:
        if error is not None:
            tell(partial(ended.set_exception, error))
        return True

    def work() -> None:
        with ExitStack() as stack:
            stack.push(failed)
            tell(partial(ended.set_result, call()))

    Thread(target=work, daemon=True).start()
    try:
        return await asyncio.wait_for(ended, patience_s)
    except TimeoutError:
        raise Stalled(f"the environment gave no answer within {patience_s:g} s") from None
