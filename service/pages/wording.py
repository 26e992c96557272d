"""How values are put into words on the pages: template filters, pure functions of values."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import to_json

from indexing.filters import flatten
from indexing.records import JSON

MOST_FACTS = 60
LONGEST = 20_000
"""Characters of one text that a page shows."""

# What moves or hides other text: controls but tab and line feed, zero-width, directions and their overrides.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def visible(text: str) -> str:
    """The text with every character that would not be seen, or would move others, named in its place.

    >>> visible("safe\\u202egpj.exe")
    'safe⟨U+202E⟩gpj.exe'
    """
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def readable_json(value: JSON) -> str:
    """JSON over several lines that can be copied; what would not be seen is escaped as JSON does it."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", to_json(value, indent=1).decode())


def excerpt(text: str, most: int = LONGEST) -> str:
    """The beginning of a text, and how much isn't shown; characters that hide are named."""
    if len(text) <= most:
        return visible(text)
    return f"{visible(text[:most])}\n… {len(text) - most:,} more characters, not shown here"


def line(text: str, most: int = 160) -> str:
    """The beginning of a text on one line."""
    told = " ".join(text[: 4 * most].split())
    return visible(told if len(told) <= most and len(text) <= 4 * most else f"{told[: most - 1]}…")


def moment(at: float) -> str:
    """A time, for reading."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))


def duration(seconds: float) -> str:
    """A length of time in its two largest units.

    >>> [duration(one) for one in (0.25, 42, 125, 7300)]
    ['0.2 s', '42 s', '2 min 5 s', '2 h 1 min']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def number(value: float) -> str:
    """A number with its thousands set apart; of a fraction three digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}"


def plural(count: int, word: str, words: str | None = None) -> str:
    """A count and what is counted."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def facts(value: Mapping[str, JSON] | None, *left_out: str) -> list[tuple[str, str]]:
    """Dotted paths and their values in words, as filters name them; those of a list together."""
    told: dict[str, list[str]] = {}
    for path, found in flatten(value or {}, ""):
        if path not in left_out:
            told.setdefault(path, []).append(found if isinstance(found, str) else to_json(found).decode())
    return [(line(path), line(", ".join(texts), 400)) for path, texts in list(told.items())[:MOST_FACTS]]


FILTERS: Mapping[str, Callable[..., Any]] = {
    "visible": visible,
    "excerpt": excerpt,
    "line": line,
    "moment": moment,
    "duration": duration,
    "number": number,
    "plural": plural,
    "facts": facts,
}
