"""The part of a long document that speaks of what is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from indexing.terms import terms
from retrievers.windows import window

_PARAGRAPH = re.compile(r"\n[ \t]*\n+")


def paragraphs(text: str) -> list[str]:
    """A text's paragraphs; its lines, where it has but one."""
    found = [part for part in _PARAGRAPH.split(text) if part.strip()]
    return found if len(found) > 1 else [line for line in text.splitlines() if line.strip()]


def passage(text: str, query: Sequence[str], budget: int, count: Callable[[list[str]], list[int]]) -> str:
    """The paragraphs around the one that shares most words with the query, as many as `budget` tokens hold.

    `count` gives the tokens of texts. Empty where not even that paragraph fits.

    >>> words = lambda texts: [len(text.split()) for text in texts]
    >>> passage("Cats sleep.\\n\\nDogs bark at night.\\n\\nFish swim.", ["dogs"], 6, words)
    'Dogs bark at night.\\n\\nFish swim.'
    """
    parts = paragraphs(text)
    if not parts:
        return ""
    wanted = set(query)
    shared = [len(wanted.intersection(terms(part))) for part in parts]
    kept = window(count(parts), shared.index(max(shared)), budget)
    separator = "\n\n" if _PARAGRAPH.search(text) else "\n"
    return separator.join(parts[kept.start : kept.stop])
