"""Sizes on the disk, and how they are told."""

from __future__ import annotations

from pathlib import Path


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # a generation was replaced meanwhile
            continue
    return total


def readable(size: float) -> str:
    """A size to read.

    >>> readable(3_140_000), readable(12), readable(640_000)
    ('3.1 MB', '12 B', '640 kB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
