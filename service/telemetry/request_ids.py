"""A name for each request, the client's own if it sent a sane one: in the answer, in problems, in the log."""

from __future__ import annotations

import re
from contextvars import ContextVar
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII)
"""What may stand in a log line and a header without harm."""

_REQUEST: ContextVar[str | None] = ContextVar("request_id", default=None)


def request_id() -> str | None:
    """The name of the request that is being answered, if one is."""
    return _REQUEST.get()


class RequestIds:
    """Middleware that names each request and tells the client the name."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sent = Headers(scope=scope).get(HEADER, "")
        name = sent if SANE.fullmatch(sent) else uuid4().hex
        # Never reset: each request has a context of its own, and what fails is told further out than here.
        _REQUEST.set(name)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        await self.app(scope, receive, named)
