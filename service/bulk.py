"""Bulk upsert: a body of any length into the store, batch by batch, each line's fate told."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from indexing.errors import InvalidInput, InvalidRecord
from indexing.library import Library
from indexing.parsing import decode, parse_line, parse_value
from indexing.records import Document, Record, Trajectory
from indexing.store.records import Kind
from service.problems import Malformed

BATCH_RECORDS = 500
BATCH_BYTES = 8 << 20
LONGEST_LINE = 64 << 20
MAX_REJECTED = 10_000
MAX_ERROR = 500

Line: TypeAlias = tuple[int, bytes | None]
"""A line's number, from 1, and its bytes; None where it was too long to keep."""

KINDS: dict[Kind, type[Any]] = {"trajectory": Trajectory, "document": Document}


class LineSplitter:
    """Cuts a stream into its lines that aren't blank; keeps no more than the line at hand."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._parts: list[bytes] = []
        self._size = 0
        self._number = 0

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that end in this chunk."""
        first, *others = chunk.split(b"\n")
        self._hold(first)
        if not others:
            return []
        lines = self.close()
        number, last = self._number, others.pop()
        self._number += len(others)
        for line in others:
            number += 1
            if line and not line.isspace():
                lines.append((number, line if len(line) <= self._longest else None))
        self._hold(last)
        return lines

    def close(self) -> list[Line]:
        """The line at hand, ended here, unless it is blank."""
        line = b"".join(self._parts)
        too_long = self._size > self._longest
        self._number += 1
        self._parts, self._size = [], 0
        if self._number == 1:
            line = line.removeprefix(BOM_UTF8)
        if not too_long and (not line or line.isspace()):
            return []
        return [(self._number, None if too_long else line)]

    def _hold(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._longest:
            self._parts.clear()
        elif part:
            self._parts.append(part)


class Batcher:
    """Gathers lines to batches of bounded number and size."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._size = 0

    def add(self, line: Line) -> list[Line] | None:
        """Take a line; the batch, when it is full."""
        self._lines.append(line)
        self._size += len(line[1] or b"")
        if len(self._lines) < BATCH_RECORDS and self._size < BATCH_BYTES:
            return None
        return self.take()

    def take(self) -> list[Line]:
        """What is gathered so far."""
        taken, self._lines, self._size = self._lines, [], 0
        return taken


@dataclass(slots=True)
class BulkUpsert:
    """One request's records on their way into a collection, and the report on them."""

    library: Library
    collection: str
    kind: Kind
    sequence: int
    accepted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    rejected_total: int = 0

    def lines(self, lines: Sequence[Line]) -> None:
        """Keep a batch of NDJSON's lines in one transaction."""
        record = KINDS[self.kind]

        def parsed(line: bytes | None) -> Any:
            if line is None:
                raise InvalidRecord(f"longer than {LONGEST_LINE:,} bytes; split it")
            return parse_line(line, record)

        self._keep(lines, parsed)

    def array(self, body: bytes) -> None:
        """Keep the items of a JSON array, in as many transactions as its size asks for."""
        items = decode_array(body)
        record = KINDS[self.kind]
        size = max(1, min(BATCH_RECORDS, BATCH_BYTES * len(items) // (len(body) + 1)))
        numbered = list(enumerate(items, 1))
        for first in range(0, len(numbered), size):
            self._keep(numbered[first : first + size], lambda item: parse_value(item, record))

    def _keep(self, batch: Sequence[tuple[int, Any]], parsed: Callable[[Any], Any]) -> None:
        records: list[Record] = []
        for number, item in batch:
            try:
                records.append(parsed(item))
            except InvalidRecord as error:
                self._reject(number, str(error))
        if records:
            done = self.library.upsert(self.collection, self.kind, records)
            self.accepted += done.accepted
            self.updated += done.updated
            self.unchanged += done.unchanged
            self.sequence = max(self.sequence, done.sequence)

    def _reject(self, line: int, error: str) -> None:
        self.rejected_total += 1
        if len(self.rejected) < MAX_REJECTED:
            self.rejected.append({"line": line, "error": error[:MAX_ERROR]})

    def report(self) -> dict[str, Any]:
        """The answer to the request."""
        return {
            "accepted": self.accepted,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "rejected_total": self.rejected_total,
        }


def _integer(digits: str) -> int | float:
    """Infinity, which no record may hold, where there are more digits than Python reads."""
    try:
        return int(digits)
    except ValueError:
        return float("inf")


def decode_array(body: bytes) -> list[Any]:
    """The items of a JSON array; one that holds what no record may is refused later, alone, by its number.

    Raises
    ------
    Malformed
        Not JSON at all.
    InvalidInput
        JSON, but no array.
    """
    if not body.strip():
        return []
    try:
        value = decode(body)
    except InvalidRecord as strict:
        try:
            value = json.loads(body.decode("utf-8-sig", "surrogateescape"), parse_int=_integer)
        except (ValueError, RecursionError):
            raise Malformed(f"the body is {strict}") from None
    if not isinstance(value, list):
        raise InvalidInput(
            "the body is no array; send [...], or one record a line as application/x-ndjson", ""
        )
    return value
