"""What is refused before the app sees it."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

import pytest

from service.wire import MAX_HEAD, is_loopback
from tests.service.running import served


def exchange(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([b"GET /health/live HTTP/1.1", *lines, b"connection: close", b"", b""])


def test_headers_have_an_end(tmp_path: Path) -> None:
    with served(tmp_path) as port:
        endless = head(b"host: localhost", b"x: " + b"a" * (4 * MAX_HEAD))
        with suppress(OSError):  # it may hang up while we are still sending
            assert exchange(port, endless).startswith(b"HTTP/1.1 431 ")
        assert exchange(port, head(b"host: localhost")).startswith(b"HTTP/1.1 200 ")


def test_a_page_of_elsewhere_is_not_answered(tmp_path: Path) -> None:
    with served(tmp_path) as port:
        answer = exchange(port, head(b"host: rebound.example:8000"))
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"/problems/foreign-host" in answer
        assert exchange(port, head(b"host: 127.0.0.1")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("127.0.0.2:1", True),
        ("[::1]", True),
        ("::1", False),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_which_hosts_are_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) == here
