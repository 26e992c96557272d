"""Text as it is, where somebody reads it: what hides, or moves its neighbours, is named in its place."""

from __future__ import annotations

import json
import re
import unicodedata

from pydantic_core import to_json

from indexing.records import JSON

MARKS = 8
"""Marks on one letter that are shown: more paint over what stands above and below."""

_JOINERS, _VARIATIONS = "\u200c\u200d", "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_UNSEEN = re.compile(
    # Controls but tab and line feed, directions, what has no width or no ink, tags.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
    # Scripts and emoji need one joiner between two of theirs, and one variation after one of theirs.
    f"|(?<![^\x00-\x7f{_JOINERS}])[{_JOINERS}]|[{_JOINERS}](?![^\x00-\x7f{_JOINERS}])"
    f"|(?<![^\x00-\x7f{_VARIATIONS}])(?<![0-9#*])[{_VARIATIONS}]"
)
_PERHAPS_MARKS = re.compile(rf"[^\w\s\x00-\x7f]{{{MARKS + 1},}}")


def visible(text: str) -> str:
    """The text with every character that would not be seen, or would move others, named in its place.

    >>> visible("safe\\u202egpj.exe")
    'safe⟨U+202E⟩gpj.exe'
    """
    return _UNSEEN.sub(lambda found: _name(found[0]), _PERHAPS_MARKS.sub(_bounded, text))


def unseen(text: str) -> list[str]:
    """The names of the characters in a text that would not be seen, or would move others.

    >>> unseen("safe\\u202egpj.exe")
    ['⟨U+202E⟩']
    """
    return [_name(character) for character in sorted(set(_UNSEEN.findall(text)))]


def _name(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"


def _bounded(run: re.Match[str]) -> str:
    """A run of characters with no more marks in a row than are shown, the rest counted."""
    told, marks = list[str](), 0

    def count_rest() -> None:
        if marks > MARKS:
            told.append(f"⟨{marks - MARKS:,} more marks⟩")

    for character in run[0]:
        if unicodedata.category(character).startswith("M"):
            marks += 1
            if marks <= MARKS:
                told.append(character)
            continue
        count_rest()
        told.append(character)
        marks = 0
    count_rest()
    return "".join(told)


def readable_json(value: JSON) -> str:
    """JSON over several lines that can be copied; what would not be seen is escaped as JSON does it."""
    return _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], to_json(value, indent=1).decode())
