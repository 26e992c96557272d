"""What is refused before the app sees it: endless headers, and pages of elsewhere calling this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from indexing.errors import PrecedentError
from service.problems import of_error, problem

MAX_HEAD = 256 << 10
"""Bytes that a request's line and headers may have together."""

HEAD_S = 30.0
"""How long a client may take for them, counted from its connecting; between requests uvicorn waits 5 s."""

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedHead(HttpToolsProtocol):
    """uvicorn's protocol, which by itself would gather headers of any length, for as long as it takes."""

    _head: int | None = None
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody connects; a request must follow."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(HEAD_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client; hangs up when the headers don't end."""
        super().data_received(data)
        if self._head is not None and not self.transport.is_closing():
            self._head += len(data)
            if self._head > MAX_HEAD:
                self.transport.write(_TOO_LONG)
                self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head = 0
        self._await_head()

    def on_headers_complete(self) -> None:
        """Its headers have ended."""
        self._head = None
        self._stop_waiting()
        super().on_headers_complete()


class LoopbackOnly:
    """Answers only requests that name this machine as their host, unless callers need a key.

    Without keys on loopback, a page of elsewhere could have its own name resolve to 127.0.0.1 and
    read answers as its own (DNS rebinding); its requests name the foreign host. It has no key, and
    the browser keeps our cookie for our name.
    """

    def __init__(self, app: ASGIApp, asks: Callable[[], Awaitable[bool]]) -> None:
        self.app = app
        self._asks = asks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        here = scope["type"] != "http" or is_loopback(Headers(scope=scope).get("host", "localhost"))
        try:
            here = here or await self._asks()
        except PrecedentError as error:
            await of_error(error)(scope, receive, send)
            return
        if here:
            await self.app(scope, receive, send)
            return
        told = "this service answers on this machine only; call it as 127.0.0.1 or localhost"
        await problem("foreign-host", told)(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine.

    >>> [is_loopback(host) for host in ("localhost:8000", "127.0.0.1", "[::1]:80", "example.org:8000")]
    [True, True, True, False]
    """
    name = host.rsplit(":", 1)[0] if not host.endswith("]") and ":" in host else host
    name = name.removeprefix("[").removesuffix("]").lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
