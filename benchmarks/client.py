"""A client that costs little: one connection, requests written beforehand, nothing parsed but lengths."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import from_json, to_json

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 600.0


def request(path: str, body: Any) -> bytes:
    """A POST of JSON as it goes over the wire."""
    content = to_json(body)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return head.encode() + f"content-length: {len(content)}\r\n\r\n".encode() + content


class Client:
    """One connection that is kept."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._socket.close()

    def exchange(self, wire: bytes) -> bytes:
        """The body of the answer; raises RuntimeError for anything but a 200."""
        status, body = self.answer(wire)
        if status != 200:
            raise RuntimeError(f"the service answered {status}: {body[:300]!r}")
        return body

    def answer(self, wire: bytes) -> tuple[int, bytes]:
        """Status and body of the answer, whatever it is."""
        self._socket.sendall(wire)
        found = b""
        while (end := found.find(b"\r\n\r\n")) < 0:
            found += self._received()
        head = found[:end].lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        parts, missing = [found[end + 4 :]], length - (len(found) - end - 4)
        while missing > 0:
            parts.append(self._received())
            missing -= len(parts[-1])
        return int(head[9:12]), b"".join(parts)

    def _received(self) -> bytes:
        piece = self._socket.recv(1 << 18)
        if not piece:
            raise RuntimeError("the service hung up")
        return piece

    def post(self, path: str, body: Any) -> Any:
        """Send JSON, get JSON."""
        return from_json(self.exchange(request(path, body)))


def at_once(url: str, shares: Sequence[Sequence[bytes]]) -> tuple[float, list[float]]:
    """Several clients, each with its share of requests one after another: seconds in all, and of each."""
    taken: list[list[float]] = [[] for _ in shares]
    barrier = threading.Barrier(len(shares) + 1)

    def ask(number: int) -> None:
        client = Client(url)
        barrier.wait()
        for wire in shares[number]:
            started = time.perf_counter()
            client.exchange(wire)
            taken[number].append(time.perf_counter() - started)
        client.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(shares))]
    for thread in threads:
        thread.start()
    barrier.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    if (answered := sum(map(len, taken))) != (asked := sum(map(len, shares))):
        raise RuntimeError(f"of {asked} requests {answered} were answered")
    return time.perf_counter() - started, [each for mine in taken for each in mine]


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Ask every few milliseconds until it is so; raises RuntimeError when the process ends before."""
    end = time.monotonic() + PATIENCE_S
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the service didn't become ready (exit {process.poll()})")
        time.sleep(0.01)


def is_ready(url: str) -> bool:
    """Whether /health/ready answers 200."""
    import httpx

    try:
        return httpx.get(f"{url}/health/ready", timeout=60).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def served(data_dir: Path) -> Iterator[str]:
    """The benchmarks' server in a process of its own, ready; gives its address."""
    command = [sys.executable, "-m", "benchmarks.server", "--data-dir", str(data_dir)]
    with (data_dir / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=log)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            wait_until(lambda: bool(url) and is_ready(url), process)
            yield url
        finally:
            process.terminate()
            process.wait(120)
