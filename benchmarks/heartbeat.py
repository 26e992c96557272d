"""How late an event loop comes; `python -m benchmarks.heartbeat SECONDS` asks one that has nothing to do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

BEAT_S = 0.005


async def late(seconds: float) -> float:
    """By how many milliseconds it comes late to what should run every few, for a while: p99."""
    found: list[float] = []
    end = time.perf_counter() + seconds
    while (due := time.perf_counter() + BEAT_S) < end:
        await asyncio.sleep(BEAT_S)
        found.append(time.perf_counter() - due)
    return sorted(found)[int(len(found) * 0.99)] * 1e3


@contextmanager
def beside(seconds: float) -> Iterator[Future[float]]:
    """An idle loop in a process of its own meanwhile: what this machine does to any, whatever runs there."""
    command = [sys.executable, "-m", "benchmarks.heartbeat", str(seconds)]

    def ask() -> float:
        return float(subprocess.run(command, check=True, capture_output=True).stdout)

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(ask)


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(late(float(sys.argv[1])))}\n")
