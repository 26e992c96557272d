"""Writes and admin calls, each with who made it and how it went, into the audit log before it is answered."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from anyio import to_thread
from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexing.errors import PrecedentError
from indexing.store.audit import Entry
from service.caller import Need, entered, need_of
from service.problems import of_error
from service.state import service_of

log = logging.getLogger(__name__)

READS = ("GET", "HEAD")
_PLACE = "precedent.deed"


@dataclass(slots=True)
class Deed:
    """What a call has done so far: the records kept or deleted, and what else it concerned."""

    records: int | None = None
    subject: str | None = None
    call_off: Callable[[], None] | None = None
    """Stops what has only been begun, should the entry not be kept: nothing large is done in silence."""


def deed_of(request: Request) -> Deed:
    """What is to be noted of this call."""
    return cast("Deed", request.scope.setdefault(_PLACE, Deed()))


class Auditing:
    """Middleware that keeps an entry for each call that may change something, refused ones too.

    The entry is on disk before the answer begins: what was acknowledged is in the log. Where the
    entry can't be kept, the answer says so instead of that all went well; sending it again is safe.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in READS or entered(scope) is None:
            await self.app(scope, receive, send)
            return
        replaced = False

        async def keeping(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and (need := need_of(scope)) is not None:
                refused = await _keep(scope, need, message["status"])
                if refused is not None and message["status"] < 400:
                    replaced = True
                    await of_error(refused)(scope, receive, send)
            if not replaced:
                await send(message)

        try:
            await self.app(scope, receive, keeping)
        except Exception:
            if (need := need_of(scope)) is not None:
                await _keep(scope, need, 500)
            raise


async def _keep(scope: Scope, need: Need, status: int) -> PrecedentError | None:
    """Keep an entry; returns why it couldn't be, which is in the service's log too, with the entry."""
    caller = entered(scope)
    if need.scope not in ("write", "admin") or caller is None:
        return None
    request = Request(scope)
    deed = deed_of(request)
    route = getattr(scope.get("route"), "path", "-").replace(":rest}", "}")
    collection = request.path_params.get("collection")
    action = f"{scope['method']} {route}"
    entry = Entry(time.time(), caller.key, action, status, collection, deed.subject, deed.records)
    service = service_of(request)
    try:
        await to_thread.run_sync(service.library.audit.append, entry, limiter=service.storing)
    except PrecedentError as error:
        log.error("not in the audit log (%s): %s", error, entry)
        if deed.call_off is not None:
            deed.call_off()
        return error
    return None
