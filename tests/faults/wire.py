"""HTTP by hand: what no well-meaning client would send, and what comes back."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from service.problems import KINDS, MEDIA_TYPE
from tests.faults.serving import ANSWERED_WITHIN_S, Serving

TYPES = {kind.type: kind for kind in KINDS.values()}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer off the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def connect(serving: Serving) -> socket.socket:
    return socket.create_connection(("127.0.0.1", serving.port), timeout=ANSWERED_WITHIN_S)


def head(method: str, path: str, *fields: str, close: bool = True) -> bytes:
    """The head of a request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "host: localhost",
        *fields,
        *(["connection: close"] if close else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def read_all(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    parts = []
    try:
        while part := connection.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:  # it has closed while we were still sending
        pass
    return b"".join(parts)


def replies(data: bytes, bodiless: bool = False) -> list[Reply]:
    """What came, cut into answers."""
    found = []
    while data:
        top, _, data = data.partition(b"\r\n\r\n")
        first, *rest = top.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        size = 0 if bodiless else int(headers.get("content-length", "0"))
        body, data = data[:size], data[size:]
        found.append(Reply(int(first.split()[1]), headers, body))
    return found


def exchange(serving: Serving, data: bytes, cut: bool = False) -> list[Reply]:
    """Send this and read what comes back until the other side closes; `cut`: say that nothing more comes."""
    with connect(serving) as connection:
        try:
            connection.sendall(data)
            if cut:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):  # refused before it was all sent
            pass
        return replies(read_all(connection))


def post(
    serving: Serving, path: str, body: bytes, kind: str = "application/json", **more: str
) -> httpx.Response:
    """POST bytes as they are."""
    return serving.client.post(serving.url + path, content=body, headers={"content-type": kind, **more})


def lines_to(serving: Serving, body: bytes, path: str = "/collections/rooms/trajectories") -> httpx.Response:
    return post(serving, path, body, "application/x-ndjson")


def check_problem(status: int, kind: str, body: bytes) -> dict[str, Any]:
    """Hold an error to the house's form: a problem of a documented type, with its status."""
    assert kind == MEDIA_TYPE, (status, kind, body[:200])
    found: dict[str, Any] = json.loads(body)
    assert TYPES[found["type"]].status == found["status"] == status, found
    assert status < 500, found
    assert found["detail"]
    return found


def refused(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    """The problem that an answer tells, which has one of these statuses."""
    assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
    return check_problem(answer.status_code, answer.headers["content-type"], answer.content)
