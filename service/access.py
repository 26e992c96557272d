"""Each request measured once: a line in the log and a count in the metrics; never what was sent."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.telemetry.instruments import Instruments
from service.telemetry.logs import FIELDS

log = logging.getLogger("service.access")


class AccessLog:
    """Middleware that tells method, route, status and milliseconds, at INFO and to the metrics."""

    def __init__(self, app: ASGIApp, counted: Instruments) -> None:
        self.app = app
        self.counted = counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path_format", None)
            self.counted.request(scope["method"], route, status, seconds)
            told = (scope["method"], route or "-", status, round(seconds * 1e3, 1))
            log.info("%s %s %d %s ms", *told, extra=dict(zip(FIELDS, told, strict=True)))
