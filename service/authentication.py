"""Who calls, before anything else of a request is looked at: its body isn't read for a stranger."""

from __future__ import annotations

import time
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from indexing.errors import PrecedentError
from service import sign_in
from service.caller import Caller, ForeignPage, Unauthenticated, enter
from service.problems import of_error
from service.sessions import COOKIE, is_of_elsewhere, is_our_own
from service.state import Service, service_of

OPEN = ("/health/live", "/health/ready", sign_in.PATH, sign_in.OUT)
OPEN_FOLDER = "/ui/-/static/"
"""Open to all, as `OPEN` is: the files that belong to the pages. No collection's name begins with `-`."""

FOR_PEOPLE = ("/", "/ui", "/docs", "/openapi.json")
"""What a browser may show, and a session opens; programs show their key each time."""


class Authentication:
    """Middleware that finds out who calls and turns strangers away."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        path = path_of(scope)
        try:
            if not _is_open(path):
                enter(scope, await _caller(service_of(request), request, path))
        except PrecedentError as error:
            await _refusal(request, path, error)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def path_of(scope: Scope) -> str:
    """The path within the service, wherever a proxy has put it."""
    path: str = scope["path"]
    root = scope.get("root_path", "")
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_FOLDER)


def _is_for_people(path: str) -> bool:
    return path in FOR_PEOPLE or path.startswith("/ui/")


async def _caller(service: Service, request: Request, path: str) -> Caller:
    """Who calls; raises Unauthenticated, and ForeignPage for a page of elsewhere that comes without a key."""
    token = bearer(request.headers)
    cookie = request.cookies.get(COOKIE) if token is None and _is_for_people(path) else None
    if cookie and await service.authority.asks():
        key = service.sessions.key(cookie, time.time())
        if key and (request.method in ("GET", "HEAD") or is_our_own(request.headers)):
            return await service.authority.owner(key)
    caller = await service.authority.caller(token)
    if token is None and request.method not in ("GET", "HEAD") and is_of_elsewhere(request.headers):
        raise ForeignPage(
            "a page of another site asks through a browser, and shows no key: send one as a Bearer"
        )
    return caller


def bearer(headers: Headers) -> str | None:
    """The key in `Authorization`, None where there is no such header.

    >>> bearer(Headers({"authorization": "bearer  prec_1"})), bearer(Headers({"authorization": "Basic x"}))
    ('prec_1', '')
    """
    given = headers.getlist("authorization")
    if not given:
        return None
    scheme, _, token = given[0].partition(" ")
    return token.strip() if len(given) == 1 and scheme.lower() == "bearer" else ""


def _refusal(request: Request, path: str, error: PrecedentError) -> Any:
    told = of_error(error)
    asked_by_browser = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    if not (isinstance(error, Unauthenticated) and asked_by_browser and _is_for_people(path)):
        return told
    next = f"{path}?{request.url.query}" if request.url.query else path
    told_why = str(error) if error.shown else ""
    page: Response = sign_in.page(sign_in.root_of(request), told_why, 401, sign_in.allowed(next))
    page.headers["WWW-Authenticate"] = told.headers["WWW-Authenticate"]
    return page
