"""How values are put into words on the pages: template filters, pure functions of values."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import to_json

from indexing.filters import flatten
from indexing.records import JSON
from service.visible import unseen, visible

MOST_FACTS = 60
LONGEST = 20_000
"""Characters of one text that a page shows."""


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
    "unseen": unseen,
    "excerpt": excerpt,
    "line": line,
    "moment": moment,
    "duration": duration,
    "number": number,
    "plural": plural,
    "facts": facts,
}
