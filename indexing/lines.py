"""Results on disk as they come, one JSON object a line: what is there needn't be done again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic_core import from_json, to_json

T = TypeVar("T")


class Lines(Generic[T]):
    """Values in a file, made by `kind` from their fields; with `durable`, what was added is on the disk."""

    def __init__(self, path: Path, kind: Callable[..., T], durable: bool = False) -> None:
        self.path = path
        self._kind = kind
        self._durable = durable

    def read(self) -> list[T]:
        """All whole lines; a last one that a crash cut off is passed over."""
        lines = self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []
        return [self._kind(**from_json(line)) for line in lines if line.endswith(b"\n")]

    def append(self, found: Iterable[T]) -> None:
        """Add some; a cut-off last line is taken away first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.seek(0)
                    file.truncate(file.read().rfind(b"\n") + 1)
            file.write(b"".join(to_json(one) + b"\n" for one in found))
            if self._durable:
                file.flush()
                os.fsync(file.fileno())
