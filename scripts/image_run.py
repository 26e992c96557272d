"""The image that was built, run: as its user, with its environment and nothing else."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.image_build import PLACES, Failed, Image
from scripts.image_steps import moved

READY_WITHIN_S = 120.0
STOPPED_WITHIN_S = 10.0
REFUSED = 2
RECORD = {
    "id": "a",
    "instruction": "Open the door",
    "steps": [{"observation": "A door", "action": "open door"}],
}


def check_run(image: Image, root: Path, say: Callable[[str], None]) -> None:
    """Start the image in every way that matters; raises Failed."""
    container = _Container(image, root, say)
    container.must_refuse()
    say("it refuses to start on all addresses without a key")
    before = _files(root / "opt")
    with container.started() as url:
        say("it is ready")
        container.must_be_healthy(True)
        _ask(url)
        say("it keeps, embeds and finds a record; its health check passes")
    container.must_be_healthy(False)
    if changed := _files(root / "opt") ^ before:
        raise Failed(f"it wrote outside of {image.volumes}: {sorted(changed)[:3]}")


class _Container:
    def __init__(self, image: Image, root: Path, say: Callable[[str], None]) -> None:
        self._image = image
        self._root = root
        self._port = _free_port()
        self._other = os.geteuid() == 0 and all(
            _open_to_all(Path(path).resolve()) for path in sys.path if path
        )
        if not self._other:
            say("it runs as the present user: one that isn't root's can't be had, or can't reach this Python")
        self._tmp = root / "tmp"
        self._tmp.mkdir(mode=0o777)
        self._tmp.chmod(0o777)

    def _environment(self, **more: str) -> dict[str, str]:
        told = {
            name: moved(value, str(self._root), PLACES) for name, value in self._image.environment.items()
        }
        return told | {"PRECEDENT_PORT": str(self._port), "TMPDIR": str(self._tmp)} | more

    def _command(self, words: list[str]) -> dict[str, Any]:
        """How a process of this container is started: its program, where, and as whom."""
        found = (self._root / "opt/precedent/bin") / words[0]
        started: dict[str, Any] = {
            "args": [str(found), *words[1:]],
            "cwd": self._root / self._image.workdir.lstrip("/"),
        }
        if self._other:
            user, group = map(int, self._image.user.split(":"))
            started |= {"user": user, "group": group, "extra_groups": []}
        return started

    def must_refuse(self) -> None:
        """On an address that others reach it needs keys, and there are none yet."""
        command = self._command([*self._image.entrypoint, *self._image.command])
        done = subprocess.run(
            **command, env=self._environment(), capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != REFUSED or "key" not in done.stderr:
            raise Failed(f"without a key it ended with {done.returncode}: {done.stderr[-500:]}")

    @contextmanager
    def started(self) -> Iterator[str]:
        """The service, ready, on loopback; told to stop at the end, which it must."""
        command = self._command([*self._image.entrypoint, *self._image.command])
        url = f"http://127.0.0.1:{self._port}"
        with (self._tmp / "log").open("wb") as log:
            process = subprocess.Popen(
                **command, env=self._environment(PRECEDENT_HOST="127.0.0.1"), stdout=log, stderr=log
            )
            try:
                self._wait(process, url)
                yield url
                process.send_signal(signal.SIGTERM)
                code = process.wait(STOPPED_WITHIN_S)
            finally:
                process.kill()
                process.wait()
        if code not in (0, -signal.SIGTERM):
            raise Failed(f"told to stop, it ended with {code}")

    def _wait(self, process: subprocess.Popen[bytes], url: str) -> None:
        end = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < end and process.poll() is None:
            try:
                urllib.request.urlopen(f"{url}/health/ready", timeout=5).close()
            except OSError:
                time.sleep(0.2)
            else:
                return
        raise Failed(f"it never became ready: {(self._tmp / 'log').read_text()[-1000:]}")

    def must_be_healthy(self, healthy: bool) -> None:
        """Whether the image's own health check passes, as it must or mustn't."""
        command = self._command(self._image.healthcheck)
        done = subprocess.run(
            **command, env=self._environment(), capture_output=True, text=True, timeout=30, check=False
        )
        if (done.returncode == 0) is not healthy:
            raise Failed(f"the health check ended with {done.returncode}: {done.stderr[-300:]}")


def _open_to_all(place: Path) -> bool:
    """Whether any user may go into this folder."""
    there = [path for path in (place, *place.parents) if path.exists()]
    return all(path.stat().st_mode & stat.S_IXOTH for path in there if path.is_dir())


def _ask(url: str) -> None:
    """Keep a record and find it: the model embeds, the ranker's library loads."""
    _call("PUT", f"{url}/collections/doors", {})
    kept = _call("POST", f"{url}/collections/doors/trajectories?wait=true", [RECORD])
    found = _call("POST", f"{url}/retrieve", {"collection": "doors", "instruction": "Open the door"})
    if kept["accepted"] != 1 or [one["id"] for one in found["demonstrations"]] != ["a"]:
        raise Failed(f"it doesn't find what it was given: {found}")


def _call(method: str, url: str, body: Any) -> Any:
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _files(folder: Path) -> set[tuple[str, int]]:
    """Every file with the time of its last change."""
    return {(str(path), path.lstat().st_mtime_ns) for path in folder.rglob("*")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
