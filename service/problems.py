"""What goes wrong, as RFC 9457 problem details: one table of types, and every error mapped to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from indexing import errors
from indexing.parsing import told
from service.caller import Forbidden, ForeignPage, Unauthenticated
from service.telemetry.request_ids import HEADER, request_id

MEDIA_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="precedent"'
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MAX_ERRORS = 100
MAX_DETAIL = 2_000


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of problem: what it is called, the status it comes with, and when it happens."""

    name: str
    status: int
    title: str
    when: str

    @property
    def type(self) -> str:
        return f"/problems/{self.name}"


KINDS = {
    kind.name: kind
    for kind in (
        Kind("malformed", 400, "Not JSON", "the body can't be read as what it says it is: repair the JSON"),
        Kind("unauthenticated", 401, "No key", "no valid API key: send `Authorization: Bearer` with one"),
        Kind("forbidden", 403, "Forbidden", "the key doesn't open this: the detail says what would"),
        Kind(
            "foreign-host", 403, "Foreign host", "without keys only this machine is answered: use 127.0.0.1"
        ),
        Kind("foreign-page", 403, "Foreign page", "without keys no page of another site may write here"),
        Kind("no-such-address", 404, "No such address", "no call has this path: see /docs"),
        Kind(
            "not-found", 404, "Not found", "no such collection, record or job: create it, or correct the name"
        ),
        Kind(
            "method-not-allowed", 405, "Method not allowed", "the path has other methods: `Allow` names them"
        ),
        Kind("too-slow", 408, "Too slow", "nothing of the body came for a minute: send it again"),
        Kind(
            "conflict",
            409,
            "Conflict",
            "the present state forbids it: the detail says what stands in the way",
        ),
        Kind(
            "embedder-mismatch",
            409,
            "Embedder mismatch",
            "indexed with another build of the embedder: reindex",
        ),
        Kind("too-large", 413, "Too large", "a body is over its limit: send less at once, records as NDJSON"),
        Kind(
            "unsupported-media-type", 415, "Unsupported media type", "send one of the types the detail names"
        ),
        Kind(
            "invalid-input",
            422,
            "Invalid input",
            "a field can't be accepted: `errors` names each and says why",
        ),
        Kind(
            "invalid-filter",
            422,
            "Invalid filter",
            "a filter that has no meaning: `field` is the key to blame",
        ),
        Kind("overloaded", 429, "Overloaded", "a queue is full: send it again after `Retry-After` seconds"),
        Kind(
            "rate-limited",
            429,
            "Too many requests",
            "the key calls too often: send it again after `Retry-After` seconds",
        ),
        Kind("internal", 500, "Internal error", "a fault of ours, logged: please report it"),
        Kind(
            "not-ready", 503, "Not ready", "still loading, or the built-in probe fails: the detail says what"
        ),
        Kind("deadline-exceeded", 503, "Deadline exceeded", "no thread came free in time: allow more time"),
        Kind(
            "missing-extra", 503, "Missing extra", "an optional dependency isn't installed: install the extra"
        ),
        Kind("corrupt-generation", 503, "Corrupt generation", "an index failed its checksum: reindex"),
        Kind(
            "unavailable", 503, "Unavailable", "something that the call needs is out of order: see the detail"
        ),
        Kind("storage-full", 507, "Storage full", "no room on the disk: make room; reads go on"),
    )
}

OF_ERRORS: Mapping[type[errors.PrecedentError], str] = {
    errors.InvalidInput: "invalid-input",
    errors.InvalidFilter: "invalid-filter",
    errors.NotFound: "not-found",
    errors.Conflict: "conflict",
    errors.TooLarge: "too-large",
    errors.Overloaded: "overloaded",
    errors.DeadlineExceeded: "deadline-exceeded",
    errors.MissingExtra: "missing-extra",
    errors.EmbedderMismatch: "embedder-mismatch",
    errors.CorruptGeneration: "corrupt-generation",
    errors.StorageFull: "storage-full",
    errors.PrecedentError: "unavailable",
}


class Malformed(errors.PrecedentError):
    """A body that can't be read as what it says it is."""


class TooSlow(errors.PrecedentError):
    """A body that stands still on its way."""


class UnsupportedMediaType(errors.PrecedentError):
    """A content type or encoding that the call doesn't read."""

    def __init__(self, message: str, accepted: str) -> None:
        super().__init__(message)
        self.accepted = accepted


class NotReady(errors.PrecedentError):
    """The service is still loading, or its probe fails."""


class InvalidFields(errors.PrecedentError):
    """Fields of a request that can't be accepted, as pairs of dotted path and what is wrong."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{field}: {what}" if field else what for field, what in faults[:3]))
        self.faults = faults


_OWN: Mapping[type[errors.PrecedentError], str] = {
    Malformed: "malformed",
    TooSlow: "too-slow",
    UnsupportedMediaType: "unsupported-media-type",
    NotReady: "not-ready",
    InvalidFields: "invalid-input",
    Unauthenticated: "unauthenticated",
    Forbidden: "forbidden",
    ForeignPage: "foreign-page",
}


def faults_of(error: ValidationError | RequestValidationError) -> list[tuple[str, str]]:
    """Dotted path and message of each fault that pydantic found."""
    found = []
    for fault in error.errors()[:MAX_ERRORS]:
        parts = [str(part) for part in fault["loc"] if part not in ("query", "path", "body")]
        found.append((".".join(parts)[:200], told(fault)))
    return found


def problem(
    name: str,
    detail: str,
    faults: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The response for a type of problem."""
    kind = KINDS[name]
    body: dict[str, Any] = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": detail[:MAX_DETAIL],
    }
    if faults:
        body["field"] = faults[0][0]
        body["errors"] = [{"field": field, "detail": what[:MAX_DETAIL]} for field, what in faults]
    if request := request_id():
        body["request_id"] = request
    return Response(to_json(body), kind.status, headers, MEDIA_TYPE)


def of_error(error: errors.PrecedentError) -> Response:
    """The problem that an error is told as."""
    known = {**OF_ERRORS, **_OWN}
    name = next(known[base] for base in type(error).__mro__ if base in known)
    match error:
        case InvalidFields(faults=faults):
            return problem(name, str(error), faults)
        case errors.InvalidInput(field=str(field)):
            return problem(name, str(error), [(field, str(error))])
        case errors.Overloaded(retry_after_s=seconds):
            return problem(name, str(error), headers={"Retry-After": str(max(1, round(seconds)))})
        case NotReady():
            return problem(name, str(error), headers={"Retry-After": "1"})
        case Unauthenticated(shown=shown):
            fault = ', error="invalid_token"' if shown else ""
            return problem(name, str(error), headers={"WWW-Authenticate": f"{CHALLENGE}{fault}"})
        case Forbidden(scope=scope):
            fault = f', error="insufficient_scope", scope="{scope}"'
            return problem(name, str(error), headers={"WWW-Authenticate": f"{CHALLENGE}{fault}"})
        case UnsupportedMediaType(accepted=accepted):
            return problem(name, str(error), headers={"Accept": accepted})
    return problem(name, str(error))


async def _told(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.PrecedentError)
    return of_error(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return of_error(InvalidFields(faults_of(error)))


async def _by_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem("no-such-address", "nothing is here; /docs shows what there is")
    if error.status_code == 405:
        allowed = ", ".join(_methods(request))
        return problem("method-not-allowed", f"use one of {allowed}", headers={"Allow": allowed})
    return problem("malformed" if error.status_code < 500 else "unavailable", str(error.detail))


def _methods(request: Request) -> list[str]:
    """Every method that some call at this path has."""
    routes = request.app.router.routes
    scopes = {method: {**request.scope, "method": method} for method in METHODS}
    return [
        method
        for method, scope in scopes.items()
        if any(route.matches(scope)[0] is Match.FULL for route in routes)
    ]


async def _gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # the client has left; nobody reads this


async def _internal(_request: Request, _error: Exception) -> Response:
    headers = {HEADER: name} if (name := request_id()) else None  # told from outside of what names requests
    return problem("internal", "an unexpected error; it is in the service's log", headers=headers)


def install(app: FastAPI) -> None:
    """Have the app tell every error as a problem."""
    app.add_exception_handler(errors.PrecedentError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _by_status)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _internal)


def documented(*names: str) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of these problems, by status."""
    kinds = [KINDS[name] for name in names]
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {
            "description": " · ".join(
                f"{kind.title}: {kind.when}" for kind in kinds if kind.status == status
            ),
            "content": content,
        }
        for status in sorted({kind.status for kind in kinds})
    }
