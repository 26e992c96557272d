"""Keys at the door: who is let in, to what, and what a stranger or a bound key can learn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from starlette.testclient import TestClient
from starlette.types import Message

from indexing.errors import PrecedentError
from indexing.library import Library
from indexing.store.keys import KeyStore
from service.authentication import OPEN
from service.authority import FRESH_S, Authority
from service.caller import Unauthenticated
from service.keys import id_of
from service.openapi import FILE
from service.ui import router as pages
from tests.service.keyed import addresses, bearing, keyed, make_key, words
from tests.service.running import (
    create,
    lines,
    problem,
    running,
    served,
    trajectory,
    until,
)
from tests.service.test_wire import exchange, head

RECORDS = lines(trajectory("new", 3))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Library]]:
    with keyed(tmp_path_factory.mktemp("keyed")) as found:
        yield found


def calls() -> Iterator[tuple[str, str]]:
    """Method and path of every call there is, those for people among them."""
    for path, methods in yaml.safe_load(FILE.read_text("utf-8"))["paths"].items():
        for method in methods:
            if path not in OPEN:
                yield method.upper(), path
    yield from (("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/nowhere"))
    yield from (call for call in addresses(pages) if "/static/" not in call[1])


CALLS = sorted(set(calls()))


def at(path: str, collection: str) -> str:
    return path.replace("{collection}", collection).replace("{id}", "rooms-a").replace("{id:rest}", "rooms-a")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_nobody_comes_in_without_a_key(service: tuple[TestClient, Library], method: str, path: str) -> None:
    client, library = service
    wrong = make_key(library, "admin")[:-4] + "0000"
    told = set()
    for headers in ({}, bearing(wrong), bearing("x"), bearing("prec_" + "0" * 12 + "_" + "0" * 64)):
        for collection in ("rooms", "nothing"):
            answer = client.request(method, at(path, collection), headers=headers, content=b"{}")
            problem(answer, "unauthenticated", 401)
            assert answer.headers["www-authenticate"].startswith('Bearer realm="precedent"')
            told.add((words(answer), answer.headers["www-authenticate"]))
    assert len(told) == 3  # no key, no such key, no key at all: never anything of what is there


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Basic Zm9vOmJhcg=="},
        {"authorization": "Bearer"},
        {"authorization": "Bearer \x00"},
        {"authorization": "Bearer " + "é" * 10},
        {"authorization": "Bearer " + "a" * 100_000},
        {"authorization": ""},
    ],
)
def test_what_is_no_bearer_s_key(service: tuple[TestClient, Library], headers: dict[str, str]) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = service[0].get("/collections", headers=sent)  # type: ignore[arg-type]
    problem(answer, "unauthenticated", 401)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_of_two_keys_none_counts(service: tuple[TestClient, Library]) -> None:
    client, library = service
    good = ("authorization", f"Bearer {make_key(library, 'admin')}")
    assert client.get("/collections", headers=[good]).status_code == 200
    problem(client.get("/collections", headers=[good, good]), "unauthenticated", 401)


def test_a_stranger_s_body_is_not_read(service: tuple[TestClient, Library]) -> None:
    client, _ = service
    read: list[str] = []
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/collections/rooms/trajectories",
        "raw_path": b"/collections/rooms/trajectories",
        "query_string": b"",
        "headers": [(b"host", b"here"), (b"content-type", b"application/x-ndjson")],
    }

    async def receive() -> Message:
        read.append("a piece")
        return {"type": "http.request", "body": RECORDS}

    async def send(message: Message) -> None:
        sent.append(message)

    async def call() -> None:
        await client.app(scope, receive, send)

    assert client.portal is not None
    client.portal.call(call)
    assert (sent[0]["status"], read) == (401, [])


def test_strangers_learn_from_health_whether_it_works_and_no_more(
    service: tuple[TestClient, Library],
) -> None:
    client, _ = service
    assert client.get("/health/live").status_code == 200
    ready = client.get("/health/ready").json()
    assert ready["status"] == "ready"
    assert ready["collections"] is None


def test_a_new_key_opens_at_once_and_a_revoked_or_expired_one_no_more(
    service: tuple[TestClient, Library],
) -> None:
    client, library = service
    token, brief = make_key(library, "retrieve"), make_key(library, "retrieve", expires_in=0.3)
    assert client.get("/collections", headers=bearing(token)).status_code == 200
    library.keys.revoke(id_of(token) or "", time.time())
    until(lambda: client.get("/collections", headers=bearing(token)).status_code == 401)
    assert "was revoked" in client.get("/collections", headers=bearing(token)).text
    until(lambda: client.get("/collections", headers=bearing(brief)).status_code == 401)
    assert "has expired" in client.get("/collections", headers=bearing(brief)).text


def test_when_a_key_was_last_used_is_kept_now_and_then(service: tuple[TestClient, Library]) -> None:
    client, library = service
    token = make_key(library, "retrieve")
    known = client.app.state.service.authority  # type: ignore[attr-defined]
    for _ in range(3):
        assert client.get("/collections", headers=bearing(token)).status_code == 200
    assert {key.id: key.used_at for key in library.keys.list()}[id_of(token) or ""] is None
    known.keep_uses()
    kept = {key.id: key.used_at for key in library.keys.list()}[id_of(token) or ""]
    assert kept is not None
    assert abs(kept - time.time()) < 60


def test_strangers_who_come_at_once_ask_the_store_once(service: tuple[TestClient, Library]) -> None:
    _, library = service
    asked: list[int] = []

    class Counted(KeyStore):
        def list(self) -> Any:
            asked.append(1)
            return library.keys.list()

    async def come() -> list[Any]:
        doors = Authority(Counted(cast("Any", None)), open=False)
        tokens = [f"prec_{number:012x}_{'0' * 64}" for number in range(200)]
        return await asyncio.gather(*map(doors.caller, tokens), return_exceptions=True)

    assert {type(found) for found in asyncio.run(come())} == {Unauthenticated}
    assert len(asked) == 2  # the first look, and one for all who weren't known by it


def test_where_the_keys_cannot_be_read_nobody_is_let_in(
    service: tuple[TestClient, Library], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, library = service
    headers = bearing(make_key(library, "admin"))
    assert client.get("/collections", headers=headers).status_code == 200

    def broken() -> Any:
        raise PrecedentError("the database can't be opened")

    monkeypatch.setattr(library.keys, "list", broken)
    until(lambda: client.get("/collections", headers=headers).status_code == 503)
    problem(client.get("/collections", headers=headers), "unavailable", 503)
    assert client.get("/health/live").status_code == 200


def test_without_any_key_loopback_is_open_and_the_first_one_closes_it(tmp_path: Path) -> None:
    with Library(tmp_path) as library, running(tmp_path, library) as client:
        create(client, "rooms", trajectory("a", 1))
        assert client.get("/health/ready").json()["collections"] == 1
        assert client.get("/collections", headers=bearing("whatever")).status_code == 200
        token = make_key(library, "retrieve")
        until(lambda: client.get("/collections").status_code == 401)
        assert client.get("/collections", headers=bearing(token)).status_code == 200
        library.keys.revoke(id_of(token) or "", time.time())
        until(lambda: client.get("/collections", headers=bearing(token)).status_code == 401)
        time.sleep(2 * FRESH_S)
        assert client.get("/collections").status_code == 401  # a revocation opens nothing
        library.keys.forget(id_of(token) or "")
        until(lambda: client.get("/collections").status_code == 200)


def test_on_another_address_no_key_opens_nothing(tmp_path: Path) -> None:
    with (
        Library(tmp_path) as library,
        running(tmp_path, library, host="0.0.0.0") as client,
    ):
        problem(client.get("/collections"), "unauthenticated", 401)
        assert client.get("/collections", headers=bearing(make_key(library, "write"))).status_code == 200


def test_insecure_asks_for_keys_once_there_are_some(tmp_path: Path) -> None:
    with (
        Library(tmp_path) as library,
        running(tmp_path, library, host="0.0.0.0", insecure=True) as client,
    ):
        assert client.get("/collections").status_code == 200
        make_key(library, "retrieve")
        until(lambda: client.get("/collections").status_code == 401)


def test_with_keys_a_proxy_may_call_it_by_any_name(tmp_path: Path) -> None:
    with served(tmp_path) as port, Library(tmp_path) as library:
        named = (b"host: precedent.example",)
        assert b"/problems/foreign-host" in exchange(port, head(*named))
        token = make_key(library, "retrieve")
        until(lambda: exchange(port, head(*named)).startswith(b"HTTP/1.1 200"))
        asked = b"GET /collections HTTP/1.1\r\nhost: precedent.example\r\nconnection: close\r\n%s\r\n"
        assert exchange(port, asked % b"").startswith(b"HTTP/1.1 401")
        shown = asked % f"authorization: bearer {token}\r\n".encode()
        assert exchange(port, shown).startswith(b"HTTP/1.1 200")
