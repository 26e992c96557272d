"""A service that asks for keys, and clients that have some."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from indexing.embedder import HashingEmbedder
from indexing.library import Library
from service.keys import new_key, parse_grants
from tests.service.running import create, document, lines, running, trajectory, until, upsert

QUESTION = {"collection": "rooms", "instruction": "Book room 1 for Monday"}


def make_key(library: Library, *scopes: str, expires_in: float | None = None) -> str:
    """A key of the library's."""
    now = time.time()
    ends = None if expires_in is None else now + expires_in
    token, key = new_key("a test's", parse_grants(scopes), now, ends)
    library.keys.add(key)
    return token


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def addresses(router: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of each route of a router, and of those that it includes."""
    for route in router.routes:
        if (included := getattr(route, "original_router", None)) is not None:
            yield from addresses(included, prefix + route.include_context.prefix)
        else:
            yield from ((method, prefix + route.path) for method in sorted(route.methods))


def words(answer: Any, *named: str) -> str:
    """What an answer says, without what differs from request to request: its own name, and these names."""
    text: str = answer.text
    for name in (answer.headers.get("x-request-id"), *named):
        text = text.replace(name, "…") if name else text
    return text


@contextmanager
def keyed(folder: Path, **given: Any) -> Iterator[tuple[TestClient, Library]]:
    """A service with two collections, `rooms` and `halls`, that asks for a key; its client has none."""
    with (
        Library(folder, lambda _: HashingEmbedder(64)) as library,
        running(folder, library, **given) as client,
    ):
        client.headers.update(bearing(make_key(library, "admin")))
        until(lambda: client.get("/jobs", headers={"authorization": ""}).status_code == 401)
        for name in ("rooms", "halls"):
            create(client, name, trajectory(f"{name}-a", 1), trajectory(f"{name}-b", 2))
            upsert(client, name, lines(document(f"{name}-d", 1)), "documents")
        del client.headers["authorization"]
        yield client, library
