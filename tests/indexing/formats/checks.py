"""What every importer's tests ask of its records."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from indexing import formats
from indexing.formats import ImportReport
from indexing.parsing import parse_value
from indexing.records import Document, Trajectory, to_fields

R = TypeVar("R", Trajectory, Document)


def accepted(records: Iterable[object], kind: type[R]) -> list[R]:
    """The records, each of the kind, fit for the API as it is, its id its own."""
    found: list[R] = []
    for record in records:
        assert isinstance(record, kind)
        assert parse_value(to_fields(record), kind) == record
        found.append(record)
    assert len({record.id for record in found}) == len(found)
    return found


def trajectories(name: str, path: Path, report: ImportReport) -> list[Trajectory]:
    """All that a format's importer reads, checked."""
    return accepted(formats.read(name, path, report), Trajectory)


def documents(path: Path, report: ImportReport) -> list[Document]:
    """All documents at the path, checked."""
    return accepted(formats.read("documents", path, report), Document)


def write_json(path: Path, value: object) -> Path:
    """The value as a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path
