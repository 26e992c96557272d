"""The items of a JSON array one by one, out of a stream, whatever the array's length."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO

from indexing.errors import InvalidRecord
from indexing.records import JSON

CHUNK_CHARACTERS = 1 << 20
MAX_ITEM_CHARACTERS = 256 * 1024 * 1024
"""Longest item that is read."""

_BLANKS = " \t\r\n"
_LONGEST_ATOM = 32
"""Further than this from the end of the text at hand, nothing but a string can be cut there."""


def iter_array(stream: IO[str]) -> Iterator[tuple[int, JSON]]:
    """Items with their numbers from 1. Where the JSON is broken, an InvalidRecord in the item's place.

    Nothing after a broken place can be told apart, so it is the last to be given.
    """
    reader = _ArrayReader(stream)
    given = 0
    try:
        reader.expect("[")
        ended = reader.accept("]")
        while not ended:
            value = reader.value()
            given += 1
            yield given, value
            ended = reader.accept("]")
            if not ended:
                reader.expect(",")
    except InvalidRecord as error:
        yield given + 1, error


class _ArrayReader:
    """A window on the stream that grows only as far as the item at hand needs."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0

    def accept(self, mark: str) -> bool:
        """Step over blanks and, when it comes next, the mark."""
        while True:
            rest = len(self._text)
            while self._at < rest and self._text[self._at] in _BLANKS:
                self._at += 1
            if self._at < rest:
                found = self._text[self._at] == mark
                self._at += found
                return found
            if not self._grow():
                return False

    def expect(self, mark: str) -> None:
        if not self.accept(mark):
            raise InvalidRecord(f"not JSON: expected {mark!r} in the array; the rest was not read")

    def value(self) -> JSON:
        self.accept("")
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._is_cut(error) and self._grow():
                    continue
                raise InvalidRecord(f"not JSON: {error.msg}; the rest of the array was not read") from None
            except RecursionError:
                raise InvalidRecord("nested too deep; the rest of the array was not read") from None
            if end > len(self._text) - _LONGEST_ATOM and self._grow():
                continue
            self._at = end
            return value

    def _is_cut(self, error: json.JSONDecodeError) -> bool:
        near_end = error.pos >= len(self._text) - _LONGEST_ATOM
        return near_end or error.msg.startswith("Unterminated string")

    def _grow(self) -> bool:
        """Drop what was read and read on, as much again as is left; False, and no change, at the end."""
        rest = len(self._text) - self._at
        if rest > MAX_ITEM_CHARACTERS:
            raise InvalidRecord(f"an item longer than {MAX_ITEM_CHARACTERS} characters; split it")
        chunk = self._stream.read(max(CHUNK_CHARACTERS, rest))
        if not chunk:
            return False
        self._text, self._at = self._text[self._at :] + chunk, 0
        return True
