"""Folders of results in the data folder, and the files in them: found by name, never by path.

A name is a few plain letters; what is a link, or anything but a file of bounded size, is not there.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from pydantic_core import from_json

from indexing.errors import NotFound, TooLarge
from indexing.records import JSON

MOST = 200
"""Folders that a page lists, newest first."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


def listed(root: Path, marker: str) -> list[Path]:
    """The folders right below `root` that hold a file `marker`, the one last written first."""
    found: list[tuple[float, Path]] = []
    for path in root.iterdir() if root.is_dir() else ():
        if _is_folder(path) and (written := _written(path / marker)) is not None:
            found.append((written, path))
    return [path for _, path in sorted(found, key=lambda pair: (-pair[0], pair[1].name))[:MOST]]


def named(root: Path, name: str, marker: str) -> Path:
    """The folder of that name; raises NotFound."""
    path = root / name
    if not _NAME.fullmatch(name) or not _is_folder(path) or _written(path / marker) is None:
        raise nothing_called(name)
    return path


def nothing_called(name: str) -> NotFound:
    """What is told of a name that isn't there, or is not for who asks."""
    return NotFound(f"nothing is called {name[:80]!r} here")


def written_at(path: Path) -> float:
    """When a file was last written; 0 where there is none."""
    return _written(path) or 0.0


def open_plain(path: Path) -> int:
    """A descriptor of a file that is no link; raises NotFound for anything else."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        raise NotFound(f"there is no {path.name} in {path.parent.name}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotFound(f"there is no {path.name} in {path.parent.name}")
    return handle


def content(path: Path, most: int) -> bytes:
    """A whole file; raises NotFound, and TooLarge beyond `most` bytes."""
    with os.fdopen(open_plain(path), "rb") as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise TooLarge(f"{path.name} in {path.parent.name} is over {most:,} bytes; read it where it lies")
    return found


def fields(path: Path, most: int) -> dict[str, JSON]:
    """A file that holds a JSON object; empty where it can't be read as one."""
    try:
        found = from_json(content(path, most))
    except (NotFound, TooLarge, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_folder(path: Path) -> bool:
    return bool(_NAME.fullmatch(path.name)) and path.is_dir() and not path.is_symlink()


def _written(path: Path) -> float | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_mtime if stat.S_ISREG(found.st_mode) else None
