"""From the bytes of a public data file to values that a record can hold.

Public data is not always clean: whatever no store keeps (NUL, lone surrogates, bytes that are no
UTF-8, NaN) is replaced here, once, and counted, so that the importers need not think of it.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from indexing.formats import ImportReport
from indexing.parsing import check_json
from indexing.records import JSON

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
LINE_SUFFIXES = (".jsonl", ".ndjson")
REPLACEMENT = "\ufffd"

_UNFIT = re.compile("[\x00\ud800-\udfff]")
_MAYBE_UNFIT = re.compile(r"\x00|\\u(?:0000|d[89a-f])", re.IGNORECASE)


def repaired(value: JSON, report: ImportReport) -> JSON:
    """The value with U+FFFD for each NUL and lone surrogate in its texts."""
    if isinstance(value, str):
        text, count = _UNFIT.subn(REPLACEMENT, value)
        report.replace(count)
        return text
    if isinstance(value, dict):
        return {repaired(name, report): repaired(item, report) for name, item in value.items()}
    if isinstance(value, list):
        return [repaired(item, report) for item in value]
    return value


def decoded(content: bytes, report: ImportReport, encoding: str = "utf-8-sig") -> str:
    """The text of a file, with or without a byte-order mark, U+FFFD where the bytes are no text."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode(encoding, "replace")
        report.replace(text.count(REPLACEMENT) - content.count(REPLACEMENT.encode()))
        return text


def loads(text: str, report: ImportReport) -> JSON:
    """A JSON value fit to keep; NaN and infinity become null. Raises ValueError."""

    def not_finite(_: str) -> None:
        report.skip("number that is not finite")

    try:
        value = json.loads(text, strict=False, parse_constant=not_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return repaired(value, report) if _MAYBE_UNFIT.search(text) else value


def iter_values(name: str, content: bytes, report: ImportReport) -> Iterator[JSON]:
    """The values of a JSON file: the one of the whole file or, in JSON lines, one of each line."""
    text = decoded(content, report)
    if name.lower().endswith(LINE_SUFFIXES):
        yield from _line_values(text, report)
        return
    try:
        yield loads(text, report)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            yield from _line_values(text, report)
        else:
            report.skip("file that is not JSON")
    except ValueError:
        report.skip("file that is not JSON")


def _line_values(text: str, report: ImportReport) -> Iterator[JSON]:
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            value = loads(line, report)
        except ValueError:
            report.skip("line that is not JSON")
            continue
        yield value


def iter_objects(name: str, content: bytes, report: ImportReport) -> Iterator[dict[str, Any]]:
    """The objects of a JSON file, be they one, listed or one a line; other values are counted."""
    for value in iter_values(name, content, report):
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, dict):
                yield item
            else:
                report.skip("value that is not an object")


def stem(name: str) -> str:
    """A file's name without its last suffix, folders kept: "a/b.json" -> "a/b"."""
    return str(PurePosixPath(name).with_suffix(""))


def text_in(fields: Mapping[str, JSON], *names: str) -> str | None:
    """The first of the named fields that holds text with something in it."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return None


def object_in(fields: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    """The named field where it is an object, else an empty one."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def scalars(fields: Mapping[str, JSON]) -> dict[str, JSON]:
    """The fields with plain values (text, finite numbers, true and false), for metadata."""
    return {name: value for name, value in fields.items() if _is_scalar(value)}


def _is_scalar(value: JSON) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def reward_in(value: JSON) -> int | float | None:
    """The value where it is a finite number (true and false are none)."""
    return value if _is_scalar(value) and not isinstance(value, str | bool) else None


def kept(fields: JSON, report: ImportReport) -> dict[str, JSON]:
    """The object where metadata can hold it whole, else its plain values alone."""
    if not isinstance(fields, dict):
        return {}
    try:
        check_json(fields)
    except ValueError:
        report.skip("metadata that no store keeps")
        return scalars(fields)
    return fields
