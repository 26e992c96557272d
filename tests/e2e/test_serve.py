"""`precedent serve` as a person starts it: samples, an answer, kill -9, the same answer."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.shell import COMMAND, begin, environment, lines_of, precedent, trajectory


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    sample = folder / "forms"
    sample.mkdir(parents=True)
    (sample / "collection.json").write_text('{"embedder": "hashing-64"}')
    (sample / "trajectories.ndjson").write_bytes(lines_of(*map(trajectory, range(5))))
    situation = {"instruction": "Send form number 9", "observation": "Page 3: a form with one field"}
    (sample / "situations.json").write_text(json.dumps([situation]))
    return folder


@contextmanager
def served(data: Path, samples: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[str]]]:
    """A service on a free port, and the words of the `curl` that it prints when it has started."""
    process = begin(data, "serve", "--port", "0", "--samples", str(samples))
    try:
        assert process.stdout is not None
        lines = (line.decode() for line in process.stdout)
        curl = next((line for line in lines if line.startswith("curl ")), None)
        assert curl is not None, process.communicate(timeout=60)
        yield process, shlex.split(curl)
    finally:
        process.kill()
        process.communicate(timeout=60)


def posted(curl: list[str]) -> dict[str, Any]:
    """What the printed `curl` gets, without its timings."""
    url, header, body = curl[2], curl[4], curl[6]
    name, value = header.split(": ")
    patient = json.loads(body) | {"deadline_ms": 60_000}
    response = httpx.post(url, json=patient, headers={name: value}, timeout=120)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    del answer["timings_ms"]
    return answer


def test_the_printed_request_is_answered_and_again_after_a_kill(tmp_path: Path, samples: Path) -> None:
    data = tmp_path / "data"
    with served(data, samples) as (process, curl):
        answer = posted(curl)
        assert answer["demonstrations"][0]["next_action"] == "type [3]"
        assert httpx.get(f"{curl[2].removesuffix('/retrieve')}/health/ready", timeout=60).status_code == 200
        process.kill()
    with served(data, samples) as (_, curl):
        assert posted(curl) == answer


def test_the_service_notices_what_the_shell_writes(tmp_path: Path, samples: Path) -> None:
    data = tmp_path / "data"
    with served(data, samples) as (_, curl):
        before = posted(curl)["generation"]
        ingested = precedent(data, "ingest", "-", "-c", "forms", "--json", given=lines_of(trajectory(9)))
        answer = posted(curl)
        assert json.loads(ingested.stdout)["generation"] == answer["generation"] != before
        assert "t00009" in {demonstration["id"] for demonstration in answer["demonstrations"]}
        precedent(data, "rollback", "forms")
        assert posted(curl)["generation"] == before


def test_it_stops_when_interrupted(tmp_path: Path, samples: Path) -> None:
    with served(tmp_path / "data", samples) as (process, _):
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in talk


def test_a_service_that_is_not_ready_says_so_when_it_greets(tmp_path: Path) -> None:
    wrong = environment(tmp_path) | {"PRECEDENT_EMBEDDERS": "hashing-3"}
    command = [*COMMAND, "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=wrong) as process:
        assert process.stdout is not None
        assert b"Precedent is at" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=60)
    assert b"precedent: It isn't ready, as /health/ready says until it is: the built-in probe failed" in talk
    assert b"hashing-N needs" in talk


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = precedent(tmp_path, "serve", "--port", port)
    assert (run.returncode, run.stdout) == (2, b"")
    assert run.stderr.decode().splitlines() == [
        f"precedent: port {port} is in use on 127.0.0.1; "
        "stop what listens there, or choose another with --port"
    ]
