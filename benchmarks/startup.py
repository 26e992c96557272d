"""From `precedent serve` to a 200 of /health/ready, against the least that takes: model and one encode."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.client import ROOT, is_ready, wait_until
from benchmarks.comparison import Bar, Comparison, Round
from benchmarks.retrieve import prepare
from benchmarks.timing import seconds, spread

SAMPLES = ("--samples", str(ROOT / "samples"))
LEAST = "from indexing.embedder import load_embedder; load_embedder().encode_query('a first text')"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _start(folder: Path, *more: str) -> tuple[float, subprocess.Popen[str]]:
    """Seconds until it is ready, and the process."""
    port = _free_port()
    command = [sys.executable, "-m", "service.cli", "serve", "--port", str(port)]
    command += ["--data-dir", str(folder / "data"), *more]
    with (folder / "serve.log").open("a") as log:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=log, stderr=log)
        wait_until(lambda: is_ready(f"http://127.0.0.1:{port}"), process)
    return time.perf_counter() - started, process


def _start_and_end(folder: Path, signal_: signal.Signals, *more: str) -> float:
    taken, process = _start(folder, *more)
    process.send_signal(signal_)
    process.wait(60)
    return taken


def _least() -> float:
    return seconds(
        lambda: subprocess.run([sys.executable, "-c", LEAST], cwd=ROOT, env=os.environ, check=True)
    )


def _many(round_: Round) -> Comparison:
    """Restarts after a kill with many trajectories, none of which may be embedded again."""
    folder = round_.work / "startup-many"
    asked = prepare(round_, folder / "data", round_.count(10_000, 10_000), by_rule=True)
    round_.say(f"built: {asked.data}")
    killed, least = [], []
    for _ in range(round_.count(2, 5)):
        killed.append(_start_and_end(folder, signal.SIGKILL))
        least.append(_least())
    facts = {"ours, s": spread(killed, 1), "the least, s": spread(least, 1), "data": asked.data}
    return Comparison(
        "startup, after kill -9, 10,000 trajectories", "s", median(killed), median(least),
        "importing the embedder, loading, one encode", Bar(1.3, 3.0), facts,
    )  # fmt: skip


def run(round_: Round) -> Iterator[Comparison]:
    """First starts, starts after a kill, starts after an orderly end, and the model alone, by turns."""
    _least()
    first, killed, ended, least = [], [], [], []
    for turn in range(round_.count(3, 7)):
        folder = round_.work / f"startup-{turn}"
        folder.mkdir()
        first.append(_start_and_end(folder, signal.SIGKILL, *SAMPLES))
        killed.append(_start_and_end(folder, signal.SIGTERM, *SAMPLES))
        least.append(_least())
        ended.append(_start_and_end(folder, signal.SIGKILL, *SAMPLES))
    for what, taken in (
        ("startup, the first, with loading and indexing the samples", first),
        ("startup, samples loaded", ended),
        ("startup, after kill -9", killed),
    ):
        facts = {"ours, s": spread(taken, 1), "the least, s": spread(least, 1)}
        yield Comparison(
            what, "s", median(taken), median(least), "importing the embedder, loading, one encode",
            Bar(1.3, 2.0), facts,
        )  # fmt: skip
    yield _many(round_)
