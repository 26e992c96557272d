"""Requests that aren't quite HTTP, connections that break off, clients that have gone."""

from __future__ import annotations

import json
import socket

import httpx
import pytest

from tests.faults.oracle import pages
from tests.faults.serving import Serving
from tests.faults.wire import check_problem, connect, exchange, head, read_all, replies

RECORDS = "/collections/rooms/trajectories"
NDJSON = "content-type: application/x-ndjson"
JSON = "content-type: application/json"


def line(id: str) -> bytes:
    steps = [{"observation": "A door · locked", "action": "open"}]
    return json.dumps({"id": id, "instruction": "Leave", "steps": steps}, ensure_ascii=False).encode() + b"\n"


def stored(serving: Serving, id: str) -> bool:
    return serving.get(f"{RECORDS}/{id}").status_code == 200


METHODS = ("TRACE", "PATCH", "PROPFIND", "HEAD", "OPTIONS", "DELETE", "POST", "PUT")


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_a_path_has_not_is_a_problem_that_names_those_it_has(
    steady: Serving, method: str
) -> None:
    with connect(steady) as connection:
        connection.sendall(head(method, "/collections"))
        (reply,) = replies(read_all(connection), bodiless=method == "HEAD")
    assert (reply.status, reply.headers["allow"]) == (405, "GET")
    if method != "HEAD":
        check_problem(reply.status, reply.headers["content-type"], reply.body)


NOT_HTTP = {
    "an unknown method": b"BREW /collections HTTP/1.1\r\nhost: x\r\n\r\n",
    "a method in lower case": b"get /collections HTTP/1.1\r\nhost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a length below zero": b"POST /retrieve HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\nhello",
    "a length beyond all": b"POST /retrieve HTTP/1.1\r\nhost: x\r\ncontent-length: 1"
    + b"0" * 30
    + b"\r\n\r\n",
    "two lengths": b"POST /retrieve HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
    "a length and chunks": head("POST", "/retrieve", "content-length: 5", "transfer-encoding: chunked")
    + b"0\r\n\r\n",
    "chunks of no length": head("POST", "/retrieve", JSON, "transfer-encoding: chunked") + b"zz\r\nhello\r\n",
    "NUL in a header": b"GET /health/live HTTP/1.1\r\nhost: x\r\na\x00b: c\r\n\r\n",
    "letters beyond ASCII in the path": "GET /collections/ﬁ HTTP/1.1\r\nhost: x\r\n\r\n".encode(),
    "10 MB of path": b"GET /" + b"a" * (10 << 20) + b" HTTP/1.1\r\nhost: x\r\n\r\n",
}


@pytest.mark.parametrize("data", NOT_HTTP.values(), ids=NOT_HTTP.keys())
def test_what_is_not_http_is_refused(steady: Serving, data: bytes) -> None:
    assert [reply.status for reply in exchange(steady, data)] in ([400], [431], [])


@pytest.mark.parametrize(
    "fields",
    [[f"x-long: {'a' * (10 << 20)}"], [f"x-{n}: y" for n in range(100_000)]],
    ids=["10 MB", "100,000 of them"],
)
def test_headers_without_measure_do_no_harm(steady: Serving, fields: list[str]) -> None:
    found = exchange(steady, head("GET", "/health/live", *fields))
    assert [reply.status for reply in found] in ([200], [400], [431], [])


def test_requests_sent_at_once_on_one_connection_are_answered_in_order(steady: Serving) -> None:
    asked = ["/health/live", "/collections/none", RECORDS, "/nowhere", "/collections"]
    requests = b"".join(head("GET", path, close=path == asked[-1]) for path in asked)
    found = exchange(steady, requests)
    assert [reply.status for reply in found] == [200, 404, 200, 404, 200]
    assert found[0].body.startswith(b'{"status":"alive",')


def test_a_body_that_drips_is_taken_and_holds_nobody_up(steady: Serving) -> None:
    body = b"".join(line(f"drip-{number}") for number in range(3))
    connections = [connect(steady) for _ in range(50)]
    for connection in connections:
        connection.sendall(head("POST", RECORDS, NDJSON, f"content-length: {len(body)}"))
    for start in range(0, len(body), 40):
        for connection in connections:
            connection.sendall(body[start : start + 40])
        assert steady.get("/health/live").status_code == 200
    for connection in connections:
        with connection:
            (reply,) = replies(read_all(connection))
        assert reply.status == 200
        report = json.loads(reply.body)
        assert report["accepted"] + report["unchanged"] == 3


@pytest.mark.parametrize("cut", [1, 12, 40, 65], ids=lambda cut: f"{cut} bytes short")
def test_a_body_that_breaks_off_leaves_no_part_of_a_record(steady: Serving, cut: int) -> None:
    last = f"last-{cut}"
    body = line(f"first-{cut}") + line(last)
    exchange(steady, head("POST", RECORDS, NDJSON, f"content-length: {len(body)}") + body[:-cut], cut=True)
    assert steady.get("/health/live").status_code == 200
    assert not stored(steady, last)


@pytest.mark.parametrize("cut", [2, 40, 65], ids=lambda cut: f"{cut} bytes short")
def test_a_body_that_ends_amid_a_line_or_a_letter_is_told_by_line(steady: Serving, cut: int) -> None:
    door = line("whole").index("·".encode()) + 1
    for end in (door, -cut):
        body = line("whole") + line("part")[:end]
        report = exchange(steady, head("POST", RECORDS, NDJSON, f"content-length: {len(body)}") + body)[0]
        assert report.status == 200
        assert [one["line"] for one in json.loads(report.body)["rejected"]] == [2]
    assert stored(steady, "whole")
    assert not stored(steady, "part")


def test_who_leaves_before_the_answer_harms_nobody(steady: Serving) -> None:
    body = b"".join(line(f"gone-{number}") for number in range(50))
    asked = json.dumps({"collection": "rooms", "instruction": "Leave"}).encode()
    for number in range(60):
        connection = connect(steady)
        if number % 2:
            connection.sendall(head("POST", "/retrieve", JSON, f"content-length: {len(asked)}") + asked)
        else:
            connection.sendall(
                head("POST", f"{RECORDS}?wait=true", NDJSON, f"content-length: {len(body)}") + body
            )
        if number % 3:  # a reset instead of a farewell
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.close()
    sent = [json.loads(one) for one in body.splitlines()]
    assert all(record in sent for record in pages(steady, RECORDS, "trajectories") if "gone" in record["id"])


def test_many_idle_connections_keep_nobody_out(steady: Serving) -> None:
    idle = [connect(steady) for _ in range(300)]
    for number, connection in enumerate(idle):
        connection.sendall(head("POST", RECORDS, NDJSON, close=False)[: number % 60])
    with httpx.Client(timeout=60) as client:
        assert client.get(f"{steady.url}/health/live").status_code == 200
    for connection in idle:
        connection.close()


def test_a_body_that_never_comes_is_refused_by_its_length(steady: Serving) -> None:
    with connect(steady) as connection:
        connection.sendall(head("POST", "/retrieve", JSON, "content-length: 99999999999999"))
        status = connection.recv(64).split()[1]
    assert status == b"413"
