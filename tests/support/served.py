"""The service as `make serve` starts it: a process of its own, with some of the sample collections."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from service.samples import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
STOPPED_WITHIN_S = 20.0


def is_sample(name: str) -> bool:
    """Whether there is a sample collection of this name."""
    return (SAMPLES / name / SETTINGS).is_file()


@contextmanager
def served(folder: Path, names: Iterable[str]) -> Iterator[str]:
    """The address of a service that holds these sample collections."""
    chosen = folder / "samples"
    chosen.mkdir()
    for name in names:
        (chosen / name).symlink_to(SAMPLES / name)
    command = [sys.executable, "-m", "service.cli", "serve", "--port", "0"]
    command += ["--data-dir", str(folder / "data"), "--samples", str(chosen)]
    log = folder / "serve.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            told = re.search(r"http://\S+?(?=/ui)", process.stdout.readline())
            assert told is not None, log.read_text()
            yield told[0]
        finally:
            process.terminate()
            process.wait(STOPPED_WITHIN_S)
