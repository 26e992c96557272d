"""A real `precedent serve`, in a process of its own, that can be killed at any moment and started again."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tests.support.shell import COMMAND, environment

READY_WITHIN_S = 120.0
ANSWERED_WITHIN_S = 120.0
HASHING = "hashing-64"
MINILM = "all-MiniLM-L6-v2"
MIB = 1 << 20


class Serving:
    """A service on a data folder. Its log is a file beside the folder, so that no full pipe stops it."""

    def __init__(self, data: Path, embedder: str = HASHING) -> None:
        self.data = data
        self.embedder = embedder
        self.log = data.with_suffix(".log")
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._said = data.with_suffix(".said")
        self.client = httpx.Client(timeout=ANSWERED_WITHIN_S)

    def __enter__(self) -> Serving:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self.client.close()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def resident(self) -> int:
        """Bytes of memory that the process holds now."""
        return resident(self.process.pid)

    def start(self) -> None:
        """Start it, and return when it is ready."""
        environ = environment(self.data) | {"PRECEDENT_EMBEDDERS": self.embedder}
        with self.log.open("ab") as log, self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [*COMMAND, "serve", "--port", "0"], stdout=said, stderr=log, env=environ
            )
        end = time.monotonic() + READY_WITHIN_S
        while not self._is_ready():
            assert self.alive, self.tail()
            assert time.monotonic() < end, f"not ready: {self.tail()}"
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        words = self._said.read_text().split()
        if "Try:" not in words:
            return False
        self.url = words[words.index("at") + 1].removesuffix("/ui,")
        return self.get("/health/ready").status_code == 200

    def kill(self) -> None:
        """SIGKILL, as the machine's out-of-memory killer would send it; returns when it is gone."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start again what was killed."""
        assert not self.alive
        self.start()

    def tail(self) -> str:
        """The end of the log."""
        return self.log.read_text(errors="replace")[-4_000:]

    def faults(self) -> str:
        """What the log holds of unexpected errors, from the first on; nothing, if all is well."""
        text = self.log.read_text(errors="replace")
        at = text.find("Traceback")
        return text[max(at - 500, 0) : at + 5_000] if at >= 0 else ""

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        return self.client.get(self.url + path, params=parameters or None)

    def post(self, path: str, body: Any = None) -> httpx.Response:
        return self.client.post(self.url + path, json={} if body is None else body)

    def put(self, path: str, body: Any) -> httpx.Response:
        return self.client.put(self.url + path, json=body)

    def post_lines(self, path: str, body: bytes) -> httpx.Response:
        """Send NDJSON."""
        headers = {"content-type": "application/x-ndjson"}
        return self.client.post(self.url + path, content=body, headers=headers)

    def settle(self, name: str) -> None:
        """Return when all that is stored in a collection is searchable."""
        answer = self.post_lines(f"/collections/{name}/trajectories?wait=true", b"")
        assert answer.status_code == 200, answer.text

    def create(self, name: str, **settings: Any) -> None:
        """Create a collection that is cheap to index, unless it is told otherwise."""
        cheap = {"embedder": self.embedder, "tokenizer": "words"}
        answer = self.put(f"/collections/{name}", cheap | settings)
        assert answer.status_code in (200, 201), answer.text


def resident(process: int) -> int:
    """Bytes of memory that a process holds now; Linux tells."""
    pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def leftovers(data: Path) -> list[str]:
    """Folders that a killed build has left."""
    return sorted(str(path.relative_to(data)) for path in data.rglob("tmp-*"))
