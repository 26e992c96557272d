"""What a program wrote, made fit to be an observation."""

from __future__ import annotations

import re

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
LEFT_OUT = "\n(… left out …)\n"


def plain(text: str) -> str:
    """Without what is meant for a terminal and what no text holds.

    >>> plain("\\x1b[31mred\\x1b[0m\\r\\n")
    'red\\n'
    """
    return ESCAPES.sub("", text)


def shortened(text: str, most: int, left_out: bool = False) -> str:
    """Begin and end of a text of more than `most` characters, or of one that lost its middle already.

    >>> shortened("abcdefghij", 4)
    'ab\\n(… left out …)\\nij'
    """
    if len(text) <= most and not left_out:
        return text
    half = min(most, len(text)) // 2
    return text[:half] + LEFT_OUT + text[len(text) - half :]
