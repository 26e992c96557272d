"""Bodies of any size and collections of any length in bounded memory: measured from outside."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.faults.oracle import pages
from tests.faults.records import stream
from tests.faults.rounds import RECORDS
from tests.faults.serving import ANSWERED_WITHIN_S, MIB, Serving, resident
from tests.faults.wire import lines_to, post, refused
from tests.support.shell import COMMAND, environment

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells so simply")

PATH = "/collections/rooms/trajectories"
FLAT = 96 * MIB
"""What a stream may cost: a few batches on their way, and what the allocator keeps of them."""

A_LINE = json.dumps(
    {"id": "same", "instruction": "Leave", "steps": [{"observation": "A door. " * 4_000, "action": "open"}]}
).encode()


class Peak:
    """The most memory that a process held while this watched."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._enough = threading.Event()
        self.before = self.most = resident(process)
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._enough.wait(0.01):
            try:
                self.most = max(self.most, resident(self._process))
            except (FileNotFoundError, ProcessLookupError, IndexError):
                return

    @contextmanager
    def watching(self) -> Iterator[Peak]:
        self._thread.start()
        yield self
        self._enough.set()
        self._thread.join()

    @property
    def growth(self) -> int:
        return self.most - self.before


def test_64_mib_of_lines_are_taken_in_flat_memory(steady: Serving) -> None:
    count = 64 * MIB // (len(A_LINE) + 1) + 1
    lines_to(steady, A_LINE)
    body = (A_LINE + b"\n") * count
    assert len(body) >= 64 * MIB
    with Peak(steady.process.pid).watching() as peak:
        report = lines_to(steady, body).json()
    assert report["unchanged"] == count
    assert peak.growth < FLAT, f"{peak.growth / MIB:.0f} MiB more"


def test_64_mib_of_array_are_taken(steady: Serving) -> None:
    count = 64 * MIB // (len(A_LINE) + 1) - 1
    body = b"[" + b",".join([A_LINE] * count) + b"]"
    with Peak(steady.process.pid).watching() as peak:
        answer = post(steady, PATH, body)
    assert sum(answer.json()[name] for name in ("accepted", "updated", "unchanged")) == count
    assert peak.growth < 6 * 64 * MIB, f"{peak.growth / MIB:.0f} MiB more"


BOMBS = {
    "zeros as lines": (PATH, "application/x-ndjson", b"\x00" * (320 * MIB), (413,)),
    "blanks as an array": (PATH, "application/json", b" " * (320 * MIB), (413,)),
    "blanks as a request": ("/retrieve", "application/json", b" " * (320 * MIB), (413,)),
    "blanks as settings": ("/collections/rooms/reindex", "application/json", b" " * (320 * MIB), (413,)),
}


@pytest.mark.parametrize(("path", "kind", "content", "statuses"), BOMBS.values(), ids=BOMBS.keys())
def test_what_unpacks_to_hundreds_of_megabytes_is_refused_in_flat_memory(
    steady: Serving, path: str, kind: str, content: bytes, statuses: tuple[int, ...]
) -> None:
    packed = gzip.compress(content, 1)
    twice = gzip.compress(packed, 1)
    with Peak(steady.process.pid).watching() as peak:
        refused(post(steady, path, packed, kind, **{"content-encoding": "gzip"}), *statuses)
        refused(post(steady, path, twice, kind, **{"content-encoding": "gzip, gzip"}), 415)
    assert peak.growth < FLAT + 64 * MIB, f"{peak.growth / MIB:.0f} MiB more"


def test_a_broken_gzip_body_is_refused(steady: Serving) -> None:
    packed = gzip.compress(A_LINE)
    for body in packed[:-9], packed[: len(packed) // 2], b"no gzip", packed + b"more":
        answer = post(steady, PATH, body, "application/x-ndjson", **{"content-encoding": "gzip"})
        refused(answer, 400)


@pytest.mark.parametrize("length", [20, 60], ids=lambda length: f"{length} MiB")
def test_a_record_of_many_megabytes_is_taken(steady: Serving, length: int, fault_round: str) -> None:
    size = length * MIB if fault_round == "full" else length * MIB // 4
    line = A_LINE.replace(b"A door", b"A " + b"l" * size + b"ong door", 1).replace(b"same", b"long")
    assert lines_to(steady, line + b"\n").json()["accepted"] == 1
    assert steady.client.delete(f"{steady.url}{PATH}/long?wait=true").status_code == 204


def ingested(data: Path, path: Path) -> int:
    """Load a file by the command line; returns the most bytes that the process held."""
    command = [*COMMAND, "ingest", str(path), "-c", path.stem, "--set", "embedder=hashing-64", "--no-index"]
    process = subprocess.Popen(
        command, env=environment(data), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss * 1024


def test_as_many_records_as_there_are_come_in_by_command_and_by_http_in_flat_memory(
    tmp_path: Path, fault_round: str
) -> None:
    count = RECORDS[fault_round]
    few, many = tmp_path / "few.ndjson", tmp_path / "many.ndjson"
    few.write_bytes(b"".join(stream(1_000)))
    with many.open("wb") as file:
        file.writelines(stream(count))
    with Serving(tmp_path / "data") as serving:
        least = ingested(serving.data, few)
        most = ingested(serving.data, many)
        assert most - least < FLAT, f"{(most - least) / MIB:.0f} MiB more for {count:,} records"

        headers = {"content-type": "application/x-ndjson"}
        path = "/collections/few/trajectories"
        with Peak(serving.process.pid).watching() as peak, httpx.Client(timeout=ANSWERED_WITHIN_S) as client:
            answer = client.post(serving.url + path, content=stream(count, seed=1), headers=headers)
        assert answer.json()["accepted"] == count, answer.text
        assert peak.growth < FLAT, f"{peak.growth / MIB:.0f} MiB more for {count:,} records"

        with Peak(serving.process.pid).watching() as peak:
            read = sum(1 for _ in pages(serving, path, "trajectories", 1_000))
        assert read == count + 1_000
        assert peak.growth < FLAT, f"{peak.growth / MIB:.0f} MiB more for reading them"
