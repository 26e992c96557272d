"""What each scope opens, and what a key that is bound to one collection can learn of others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Request
from starlette.testclient import TestClient

from indexing.library import Library
from indexing.records import Step, Trajectory
from service.caller import Need, Unauthenticated
from service.ui import router as pages
from tests.service.keyed import QUESTION, addresses, bearing, keyed, make_key, words
from tests.service.running import EMBEDDER, JSON_BODY, NDJSON, problem, until
from tests.service.test_authentication import CALLS, at

PAGES = sorted({path for method, path in addresses(pages) if method == "GET" and "{" not in path})
"""Pages that are not of one collection; what has a name in its address shows nothing without it."""

SEEN = Trajectory("seen", "Book room 1 for Monday", (Step("The list of rooms", "click [room 1]"),))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Library]]:
    with keyed(tmp_path_factory.mktemp("keyed")) as found:
        yield found


ALLOWED: dict[str, set[str]] = {
    "retrieve": {
        "POST /retrieve",
        "GET /collections/rooms/trajectories",
        "GET /collections/rooms/trajectories/rooms-a",
        "GET /collections/rooms/documents",
        "GET /ui/rooms",
    },
    "write": {"POST /collections/rooms/trajectories", "POST /collections/rooms/documents"},
    "admin": {"PUT /collections/rooms", "POST /collections/rooms/reindex"},
    "any": {"GET /collections", "GET /collections/rooms", "GET /jobs", "GET /docs", "GET /openapi.json"},
}


@pytest.mark.parametrize("scope", ["retrieve", "write", "admin"])
def test_each_scope_opens_its_own_calls_and_admin_all(
    service: tuple[TestClient, Library], scope: str
) -> None:
    client, library = service
    headers = bearing(make_key(library, f"{scope}:rooms"))
    for needed, allowed in ALLOWED.items():
        for call in sorted(allowed):
            method, path = call.split()
            answer = _called(client, method, path, headers)
            if scope in (needed, "admin") or needed == "any":
                assert answer.status_code < 300, (call, answer.text)
            elif path.startswith("/ui"):
                assert (answer.status_code, f"no scope &#39;{needed}&#39;" in answer.text) == (403, True)
            else:
                told = problem(answer, "forbidden", 403)
                assert f"no scope {needed!r}" in told["detail"]
                assert f'scope="{needed}"' in answer.headers["www-authenticate"]


def _called(client: TestClient, method: str, path: str, headers: dict[str, str]) -> Any:
    if path == "/retrieve":
        return client.post(path, json=QUESTION, headers=headers)
    if method == "POST" and path.endswith(("trajectories", "documents")):
        return client.post(path, content=b"", headers=headers | NDJSON)
    if path.endswith("reindex"):
        until(lambda: _idle(client, headers))
        return client.post(path, headers=headers)
    return client.request(method, path, headers=headers | JSON_BODY)


def _idle(client: TestClient, headers: dict[str, str]) -> bool:
    found = client.get("/jobs", headers=headers).json()["jobs"]
    return all(job["state"] not in ("queued", "running") for job in found)


@pytest.mark.parametrize("scope", ["retrieve", "write", "admin"])
@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if "{collection}" in call[1]])
def test_a_bound_key_never_learns_whether_another_collection_exists(
    service: tuple[TestClient, Library], method: str, path: str, scope: str
) -> None:
    client, library = service
    headers = bearing(make_key(library, f"{scope}:rooms"))
    answers = []
    for collection in ("halls", "never"):
        answer = client.request(method, at(path, collection), headers=headers, content=b"{}")
        assert answer.status_code == 403
        answers.append((words(answer, collection), answer.headers["content-type"]))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("scope", ["retrieve", "admin"])
def test_retrieve_looks_at_the_collection_before_it_looks_for_it(
    service: tuple[TestClient, Library], scope: str
) -> None:
    client, library = service
    headers = bearing(make_key(library, f"{scope}:rooms"))
    told = set()
    for name in ("halls", "never"):
        answer = client.post("/retrieve", json=QUESTION | {"collection": name}, headers=headers)
        problem(answer, "forbidden", 403)
        told.add(words(answer, name))
    assert len(told) == 1


def test_lists_show_what_the_key_may_see(service: tuple[TestClient, Library]) -> None:
    client, library = service
    everything = bearing(make_key(library, "admin"))
    job = client.post("/collections/halls/reindex", headers=everything).json()["id"]
    for bound in ("retrieve:rooms", "write:rooms", "admin:rooms"):
        headers = bearing(make_key(library, bound))
        found = client.get("/collections", headers=headers).json()["collections"]
        assert [one["name"] for one in found] == ["rooms"]
        jobs = client.get("/jobs", headers=headers).json()["jobs"]
        assert {one["collection"] for one in jobs} <= {"rooms"}
        there = client.get(f"/jobs/{job}", headers=headers)
        nowhere = client.get("/jobs/0000000000000000", headers=headers)
        assert words(there, job) == words(nowhere, "0000000000000000")
        problem(there, "not-found", 404)
    problem(
        client.post(f"/jobs/{job}/cancel", headers=bearing(make_key(library, "admin:rooms"))),
        "not-found",
        404,
    )
    problem(client.post(f"/jobs/{job}/cancel", headers=bearing(make_key(library, "write"))), "forbidden", 403)
    assert client.get(f"/jobs/{job}", headers=bearing(make_key(library, "write:halls"))).status_code == 200
    assert len(client.get("/collections", headers=everything).json()["collections"]) == 2
    until(lambda: _idle(client, everything))


def test_episodes_of_two_keys_are_apart(service: tuple[TestClient, Library]) -> None:
    client, library = service
    asked = QUESTION | {"episode": "one"}

    def shown(headers: dict[str, str]) -> set[str]:
        answer = client.post("/retrieve", json=asked, headers=headers).json()
        return {one["id"] for one in answer["demonstrations"]}

    one, another = (bearing(make_key(library, "retrieve:rooms")) for _ in range(2))
    first = shown(one)
    assert first
    assert shown(one).isdisjoint(first)
    assert shown(another) == first


def test_pages_of_no_one_collection_tell_of_those_the_key_may_see(
    service: tuple[TestClient, Library],
) -> None:
    client, library = service
    everything, bound = (bearing(make_key(library, scope)) for scope in ("admin", "retrieve:rooms"))
    for name in ("rooms", "halls"):
        until(lambda: _idle(client, everything))
        assert client.post(f"/collections/{name}/reindex", headers=everything).status_code == 202
        client.post("/retrieve", json=QUESTION | {"collection": name}, headers=everything)
    for path in PAGES:
        assert client.get(path, headers=everything).status_code == 200
        seen = client.get(path, headers=bound)
        assert (seen.status_code, "halls" in seen.text) == (200, False), path
    assert "/ui" in PAGES
    assert "rooms" in client.get("/ui", headers=bound).text
    until(lambda: _idle(client, everything))


@pytest.mark.parametrize("name", ["static", "ui", "health", "docs"])
def test_no_collection_s_name_opens_its_pages(service: tuple[TestClient, Library], name: str) -> None:
    client, library = service
    library.create(name, {"embedder": EMBEDDER})
    library.upsert(name, "trajectory", [SEEN])
    try:
        for page in ("", "/live", "/ask", "/trajectories", "/trajectories/seen"):
            problem(client.get(f"/ui/{name}{page}"), "unauthenticated", 401)
    finally:
        library.remove(name)


def test_what_has_a_need_is_for_nobody_where_nobody_was_asked() -> None:
    request = Request({"type": "http", "path_params": {}})
    with pytest.raises(Unauthenticated):
        asyncio.run(Need("retrieve").check(request, None))
