"""Text made short and clean enough for a query or a prompt."""

from __future__ import annotations

import hashlib
import re

_REPEATED_MARK = re.compile(r"([^\w\s])\1{2,}")


def sound(text: str) -> str:
    """The text without lone surrogates and NUL, which can't be sent or hashed."""
    return text.encode("utf-8", "replace").decode().replace("\x00", " ")


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ended at a word where there is one in the last half."""
    if len(text) <= limit:
        return text
    head = text[: limit + 1]
    words = max(head.rfind(" "), head.rfind("\n"))
    return head[: words if words > limit // 2 else limit].rstrip()


def brief(text: str, limit: int) -> str:
    """The beginning as one line: white space collapsed, rules like `-----` shortened to one mark."""
    head = _REPEATED_MARK.sub(r"\1", sound(text[: 8 * limit]))
    return cut(" ".join(head.split()), limit)


def fenced(name: str, text: str) -> str:
    """Untrusted text between two equal lines that it can't hold: a digest of it is in them.

    Equal texts give equal fences, so that prompts can be cached by what they say.
    """
    whole = sound(text)
    mark = f"=== {name} {hashlib.sha256(whole.encode()).hexdigest()[:24]} ==="
    return f"{mark}\n{whole}\n{mark}"
