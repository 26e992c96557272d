"""What only a real server and a real socket show: raw paths, streams, clients that leave."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from indexing.embedder import HashingEmbedder, Vectors
from indexing.library import Library
from service.app import create_app
from tests.service.running import (
    EMBEDDER,
    NDJSON,
    create,
    lines,
    listening,
    problem,
    running,
    settings_for,
    trajectory,
    until,
    upsert,
)

URL = "/collections/rooms/trajectories"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with listening(create_app(settings_for(tmp_path_factory.mktemp("served")))) as client:
        create(client)
        yield client


def raw(client: httpx.Client, request: bytes) -> tuple[int, bytes]:
    """Status and body of a request sent as it is."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), 30) as connection:
        connection.sendall(request + b"Host: here\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, body = answer.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    ("id", "path"),
    [
        ("a/b", b"a/b"),
        ("a/b", b"a%2Fb"),
        ("..", b"%2E%2E"),
        ("..", b".."),
        ("../../jobs", b"../../jobs"),
        ("/lead", b"/lead"),
        ("//two", b"//two"),
        ("//two", b"%2F%2Ftwo"),
        ("end/", b"end/"),
        ("what?", b"what%3F"),
        ("50%", b"50%25"),
        ("%41", b"%2541"),
        ("a b+c", b"a%20b+c"),
        ("#1;v=2", b"%231;v=2"),
        ("größe", b"gr%C3%B6%C3%9Fe"),
        ("line\nbreak", b"line%0Abreak"),
    ],
)
def test_an_id_comes_through_as_it_was_encoded(served: httpx.Client, id: str, path: bytes) -> None:
    upsert(served, "rooms", lines(trajectory(id)))
    status, body = raw(served, b"GET " + URL.encode() + b"/" + path + b" HTTP/1.1\r\n")
    assert (status, json.loads(body)["id"]) == (200, id)
    status, _ = raw(served, b"DELETE " + URL.encode() + b"/" + path + b"?wait=true HTTP/1.1\r\n")
    assert status == 204


def test_a_stream_without_a_length_is_read_as_it_comes(served: httpx.Client) -> None:
    count = 1_200

    def stream() -> Iterator[bytes]:
        for number in range(count):
            body = lines(trajectory(f"stream-{number}", number))
            yield body[:50]
            yield body[50:]
        yield b'{"broken": '

    answer = served.post(f"{URL}?wait=true", content=stream(), headers=NDJSON).json()
    assert (answer["accepted"], [one["line"] for one in answer["rejected"]]) == (count, [count + 1])


def test_what_came_before_a_client_left_is_kept_and_the_service_lives(served: httpx.Client) -> None:
    body = lines(*(trajectory(f"left-{number}", number) for number in range(700)))
    head = f"POST {URL} HTTP/1.1\r\nHost: here\r\nContent-Type: application/x-ndjson\r\n"
    head += f"Content-Length: {10 * len(body)}\r\n\r\n"
    with socket.create_connection((served.base_url.host, served.base_url.port or 80), 30) as connection:
        connection.sendall(head.encode() + body)
        until(lambda: served.get(f"{URL}/left-0").status_code == 200)
    problem(served.get(f"{URL}/left-699"), "not-found", 404)
    assert served.get("/health/ready").status_code == 200


def test_the_service_answers_while_it_is_written_to(served: httpx.Client) -> None:
    body = lines(*(trajectory(f"busy-{number}", number) for number in range(1_500)))
    address = str(served.base_url)
    writing = threading.Thread(
        target=lambda: httpx.post(address + URL, content=body, headers=NDJSON, timeout=60)
    )
    writing.start()
    while writing.is_alive():
        assert served.get("/health/live").status_code == 200
    writing.join()


class Patient(HashingEmbedder):
    """Embeds a query only when it is let."""

    def __init__(self) -> None:
        super().__init__(64)
        self.may_embed = threading.Event()
        self.may_embed.set()
        self.asked = threading.Event()

    def encode_query(self, text: str) -> Vectors:
        self.asked.set()
        assert self.may_embed.wait(30)
        return super().encode_query(text)


def test_too_many_at_once_are_told_to_come_again(tmp_path: Path) -> None:
    embedder = Patient()
    with (
        Library(tmp_path, lambda _: embedder) as library,
        running(tmp_path, library, search_threads=1, max_waiting=0) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        create(client, "rooms", trajectory("a"))
        embedder.may_embed.clear()
        embedder.asked.clear()
        question = {"collection": "rooms", "instruction": "Book room 0"}
        first = pool.submit(client.post, "/retrieve", json=question)
        assert embedder.asked.wait(30)
        refused = client.post("/retrieve", json=question)
        problem(refused, "overloaded", 429)
        assert refused.headers["retry-after"] == "1"
        embedder.may_embed.set()
        assert first.result(30).status_code == 200
        assert client.post("/retrieve", json=question).status_code == 200


def test_a_length_over_the_limit_is_refused_at_once(served: httpx.Client) -> None:
    head = f"POST {URL} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {65 << 20}\r\n"
    status, body = raw(served, head.encode())
    assert (status, json.loads(body)["type"]) == (413, "/problems/too-large")
    assert EMBEDDER in served.get("/collections/rooms").text
