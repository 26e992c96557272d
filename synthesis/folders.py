"""A run's folder belongs to one process at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from indexing.errors import Conflict

FILE = "lock"


def locked(folder: Path) -> IO[bytes]:
    """Take the folder, made where it is missing, until the file is closed or the process ends.

    Raises
    ------
    Conflict
        Another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / FILE).open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise Conflict(
            f"another process works on the run in {folder}: wait for its end, or give another folder"
        ) from None
    return file
