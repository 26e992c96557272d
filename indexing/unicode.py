"""One Unicode form for equal texts, in linear time.

`unicodedata.normalize` sorts the marks after a letter by insertion: a megabyte of combining marks
takes it minutes. Unicode's stream-safe format (UAX #15, section 13) sets the bound used here: no
writing system needs more than 30 marks in a row; what is over is dropped.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

MAX_MARKS = 30

_PERHAPS_MARKS = re.compile(rf"[^\w\s\x00-\x7f]{{{MAX_MARKS + 1},}}")


def composed(text: str, form: Literal["NFC", "NFKC"] = "NFC") -> str:
    """The text in a composed normal form."""
    if text.isascii():
        return text
    return unicodedata.normalize(form, _PERHAPS_MARKS.sub(_bounded, text))


def _bounded(run: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for character in run[0]:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)
