"""Files and folders that are there whole or not at all, whenever the process is killed."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from indexing.errors import Conflict

STAGE = "restoring-"


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A stream that becomes the file when the block ends well; until then the one before stands.

    Raises
    ------
    Conflict
        Another process is writing that file.
    """
    partial = path.with_name(f"{path.name}.partial")
    handle = os.open(partial, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "wb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"another process is writing {path}; wait for it, or name another file") from None
        stream.truncate()
        try:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    sync(path.absolute().parent)


@contextmanager
def staging(root: Path) -> Iterator[Path]:
    """A folder to prepare something in, gone when the block ends; `clean_stages` knows that it is in use."""
    root.mkdir(parents=True, exist_ok=True)
    folder = root / f"{STAGE}{secrets.token_hex(6)}"
    folder.mkdir(mode=0o700)
    with used(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def clean_stages(root: Path) -> None:
    """Remove the folders that a killed process was preparing something in."""
    for folder in root.glob(f"{STAGE}*"):
        remove_unless_used(folder)


@contextmanager
def used(folder: Path) -> Iterator[None]:
    """While this lasts, no process removes the folder; raises OSError where there is none."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def is_used(path: Path) -> bool:
    """Whether a process holds a folder, or a lock file, just now."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def remove_unless_used(folder: Path) -> bool:
    """Remove a folder; tells whether it is gone. One in use stays, for another time."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
