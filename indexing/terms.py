"""A text as the terms that BM25 counts: one analysis for observations, instructions and actions."""

from __future__ import annotations

import re
from itertools import islice

from indexing.unicode import composed

MAX_TERM_LENGTH = 64
"""A longer word keeps this many characters: enough to tell it from others, no room for blobs."""

MAX_TERMS = 20_000
"""Terms that one text gives at most, from its beginning."""

_FEW = 100_000

# Scripts written without spaces: Thai to Lao, Myanmar, Khmer, kana, Han, Hangul.
_SINGLE = (
    r"\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u1049\u1780-\u17d3\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7a3\U00020000-\U0003ffff"
)
# Signs that belong to the letter before them; for `re` they are no part of a word.
_SIGNS = r"\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0966-\u0ddf"

_ASCII_WORD = re.compile(r"[A-Za-z0-9]+")
_WORD = re.compile(rf"[{_SINGLE}]|(?:(?![{_SINGLE}])[^\W_])(?:(?![{_SINGLE}])[^\W_]|[{_SIGNS}])*")
_HUMP = re.compile(r"(?<=[a-zA-Z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])")


def _words(text: str) -> list[str]:
    if text.isascii():
        pattern = _ASCII_WORD
    else:
        pattern, text = _WORD, composed(text, "NFKC")
    if len(text) <= _FEW:
        return pattern.findall(text)
    return [match[0] for match in islice(pattern.finditer(text), MAX_TERMS)]


def terms(text: str) -> list[str]:
    """The lower-cased words and numbers of a text, in order, repeats kept, for counting.

    Punctuation separates, the underscore too, so that paths and snake_case give their parts; a
    word in camelCase gives itself and its parts, because people write GitHub as github. In scripts
    without spaces every character is a term.

    >>> terms("Click [23] link 'Open issue #7'")
    ['click', '23', 'link', 'open', 'issue', '7']
    >>> terms("/repo/src/date_utils.py")
    ['repo', 'src', 'date', 'utils', 'py']
    >>> terms("HTMLParser of GitHub, W1234567")
    ['htmlparser', 'html', 'parser', 'of', 'github', 'git', 'hub', 'w1234567']
    >>> terms("東京 Café")
    ['東', '京', 'café']
    """
    found: list[str] = []
    for word in _words(text):
        lowered = word.lower()
        found.append(lowered[:MAX_TERM_LENGTH])
        if lowered[1:] != word[1:] and not word.isupper():
            humps = _HUMP.split(word[:MAX_TERM_LENGTH])
            if len(humps) > 1:
                found += [hump.lower() for hump in humps]
    return found[:MAX_TERMS]
