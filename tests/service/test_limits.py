"""What a client may not do: take for ever, send what unpacks without end, or numbers without measure."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from service import bodies, wire
from tests.service.running import JSON_BODY, NDJSON, create, problem, running, served, trajectory

RECORDS = "/collections/rooms/trajectories"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with running(tmp_path_factory.mktemp("limits")) as client:
        create(client, "rooms", trajectory("a", 1))
        yield client


def connected(port: int, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(sent)
    return connection


def all_of(connection: socket.socket) -> bytes:
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ", b"GET /health/li"])
def test_who_connects_and_sends_no_request_is_hung_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(wire, "HEAD_S", 0.3)
    with served(tmp_path) as port:
        assert all_of(connected(port, sent)).startswith(b"HTTP/1.1 408 ")
        alive = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        assert all_of(connected(port, alive)).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_stands_still_is_told_and_hung_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "IDLE_S", 0.3)
    with served(tmp_path) as port:
        head = b"PUT /collections/rooms HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n%s\r\n{"
        answer = all_of(connected(port, head % b"content-type: application/json\r\n"))
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"/problems/too-slow" in answer


@pytest.mark.parametrize(
    "encoding", ["br", "deflate", "zstd", "compress", "gzip, gzip", "identity, gzip", "x"]
)
@pytest.mark.parametrize("path", ["/retrieve", RECORDS, "/collections/rooms/reindex"])
def test_what_is_packed_otherwise_than_by_gzip_is_not_unpacked(
    client: TestClient, path: str, encoding: str
) -> None:
    headers = JSON_BODY | {"content-encoding": encoding}
    problem(client.post(path, content=zlib.compress(b"{}"), headers=headers), "unsupported-media-type", 415)


def test_a_small_body_that_unpacks_over_the_limit_of_its_call_is_refused(client: TestClient) -> None:
    packer = zlib.compressobj(wbits=31)
    body = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(65)) + packer.flush()
    assert len(body) < 100_000
    for path, headers in (
        ("/retrieve", JSON_BODY),
        (RECORDS, JSON_BODY),
        ("/collections/rooms/reindex", JSON_BODY),
        ("/ui/rooms/ask", {"content-type": "application/x-www-form-urlencoded"}),
    ):
        answer = client.post(path, content=body, headers=headers | {"content-encoding": "gzip"})
        assert answer.status_code == 413, path


@pytest.mark.parametrize("number", ["9" * 4_000, "9" * 60_000, "1e999", "-1", "1.5", "٣", "NaN", ""])
@pytest.mark.parametrize(
    "path", ["/collections/rooms/trajectories?limit=", "/jobs?limit=", "/ui/rooms/ask?step="]
)
def test_a_number_in_a_query_is_one_that_is_meant_or_refused(
    client: TestClient, path: str, number: str
) -> None:
    assert client.get(path + number).status_code in (200, 422)
    assert len(client.get(path + number).content) < 100_000


@pytest.mark.parametrize(
    "body",
    [
        b'{"filter": ' + b"[" * 1_000_000,
        b'{"filter": ' + b'{"a":' * 100_000,
        b'{"deadline_ms": ' + b"9" * 1_000_000 + b"}",
        b'{"limits": {"total": 1e400}}',
        b'{"instruction": "' + b"\\ud800" * 1_000 + b'"}',
    ],
)
def test_json_without_measure_is_told_in_few_words(client: TestClient, body: bytes) -> None:
    for path in ("/retrieve", "/collections/rooms/reindex"):
        answer = client.post(path, content=body, headers=JSON_BODY)
        assert answer.status_code in (400, 422)
        assert len(answer.content) < 2_000
    answer = client.post(RECORDS, content=body, headers=NDJSON)
    assert (answer.json()["accepted"], answer.json()["rejected_total"]) == (0, 1)
    assert len(answer.content) < 2_000
