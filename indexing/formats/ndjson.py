"""Precedent's own records: one JSON object a line, or a JSON array of them, plain or gzipped.

Read as a stream, one record in memory at a time, also from a pipe. A line that is no record is told
in the report by its number, and the others stand; an array whose JSON breaks off ends there. An
object with a `text` and without `steps` is a document, every other a trajectory.
"""

from __future__ import annotations

import gzip
import io
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

from indexing.errors import InvalidInput, InvalidRecord
from indexing.formats import ImportReport
from indexing.formats._array import iter_array
from indexing.formats._files import DAMAGED, TAR_SUFFIXES, iter_files
from indexing.formats._values import JSON_SUFFIXES
from indexing.parsing import decode, parse_value
from indexing.records import JSON, Document, Record, Trajectory

_GZIP_MAGIC = b"\x1f\x8b"


def read(path: Path, report: ImportReport) -> Iterator[Record]:
    """Records of a file, a pipe, or the JSON files of a folder or archive.

    Raises
    ------
    InvalidInput
        When the path can't be read or unpacked.
    """
    if not path.exists():
        raise InvalidInput(f"{path}: no such file or folder", "path")
    if path.is_dir() or path.name.lower().endswith((*TAR_SUFFIXES, ".zip")):
        for name, content in iter_files(path, JSON_SUFFIXES, report):
            yield from _records(io.BufferedReader(io.BytesIO(content)), report, f"{name}: ")
        return
    try:
        with path.open("rb") as stream:
            yield from _records(_unzipped(stream), report)
    except DAMAGED as error:
        raise InvalidInput(f"{path}: can't be unpacked: {error}", "path") from error
    except OSError as error:
        raise InvalidInput(f"{path}: can't be read: {error}", "path") from error


def _unzipped(stream: io.BufferedReader) -> io.BufferedReader:
    if stream.peek(2)[:2] != _GZIP_MAGIC:
        return stream
    return io.BufferedReader(gzip.GzipFile(fileobj=stream))


def _records(stream: io.BufferedReader, report: ImportReport, where: str = "") -> Iterator[Record]:
    for number, value in _values(stream):
        try:
            yield _record(decode(value) if isinstance(value, bytes) else value)
        except InvalidRecord as error:
            report.refuse(number, f"{where}{error}")


def _values(stream: io.BufferedReader) -> Iterator[tuple[int, JSON]]:
    """Numbered lines still to be decoded, or the numbered values of an array."""
    if stream.peek(1).removeprefix(BOM_UTF8).lstrip().startswith(b"["):
        text = io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape")
        try:
            yield from iter_array(text)
        finally:
            text.detach()
        return
    for number, line in enumerate(stream, 1):
        record = line.removeprefix(BOM_UTF8) if number == 1 else line
        if record.strip():
            yield number, record


def _record(value: JSON) -> Record:
    if isinstance(value, InvalidRecord):
        raise value
    if isinstance(value, dict) and "text" in value and "steps" not in value:
        return parse_value(value, Document)
    return parse_value(value, Trajectory)
