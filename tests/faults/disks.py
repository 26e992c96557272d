"""A real disk of a few megabytes, where this process may mount one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

CHUNKS = (1 << 20, 1 << 12, 1)


@cache
def can_mount() -> bool:
    """Whether a file system in memory can be mounted: Linux, and root outside of most containers."""
    if os.name != "posix" or os.geteuid() != 0:
        return False
    try:
        with TemporaryDirectory() as folder, mounted(Path(folder), 1):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@contextmanager
def mounted(folder: Path, mebibytes: int) -> Iterator[Path]:
    """A file system of this size on a folder."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def fill(file: Path) -> int:
    """Take all the room there is; returns how many bytes that was."""
    with file.open("ab", 0) as filler:
        for size in CHUNKS:
            while True:
                try:
                    if filler.write(bytes(size)) < size:
                        break
                except OSError:
                    break
    return file.stat().st_size
