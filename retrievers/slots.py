"""What an action advises, whatever values it names: one rule for every action language.

`click [9] button "Save"`, `SELECT name FROM t`, `get_user({"id":"u7"})` and `take mug 1 from desk 2`
are read alike. The head (the first word, or the called name) and argument names stay as they are.
Every other word, number or quoted text becomes

- `<i>` if it stands in the instruction, else
- itself if it is an everyday word of the collection's actions (a number never is), else
- `<c>` if it stands in the present or an earlier observation, else
- `_`.

A quoted text counts as one value, however long; runs of the same mark collapse. Two actions with the
same slots, each read in its own situation, are the same advice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

INSTRUCTION, CONTEXT, UNKNOWN = "<i>", "<c>", "_"
MARKS = frozenset((INSTRUCTION, CONTEXT, UNKNOWN))

EVERYDAY_TRAJECTORIES = 5
EVERYDAY_SHARE = 0.02
"""An everyday word stands in the actions of this many trajectories, and of this share of them."""

LONGEST = 2_000
"""Characters of an action in which parts begin."""

LONGEST_QUOTED = 20_000
"""Characters of an action within which a quoted text has to end."""

MOST_PARTS = 64
"""Parts of an action that are read."""

_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|(?<![^\W_])'(?:[^'\\]|\\.)*'(?![^\W_])"
_PART = re.compile(rf"(?P<quoted>{_QUOTED})|(?P<word>[^\s\"'()\[\]{{}}<>=,;:|&]+|')(?P<called>\()?")
_NAMES = re.compile(r"\s*[:=](?!=)")
_NOT_WORD = re.compile(r"[\W_]+")
_LETTER = re.compile(r"[^\W\d_]")


REMEMBERED, REMEMBERED_LONG = 100, 20_000
"""Characters of texts that are remembered as `plain`: many short ones, a few longer ones."""


def plain(text: str) -> str:
    """A text as its lower-cased words between single spaces, with one at each end."""
    if len(text) <= REMEMBERED:
        return _plain_short(text)
    return _plain_long(text) if len(text) <= REMEMBERED_LONG else _plain(text)


def _plain(text: str) -> str:
    return f" {_NOT_WORD.sub(' ', text.lower()).strip()} "


_plain_short = lru_cache(1 << 12)(_plain)
_plain_long = lru_cache(1 << 8)(_plain)


class Parts:
    """An action taken apart: its head, and its other parts as (text, whether it names an argument)."""

    __slots__ = ("head", "parts")

    def __init__(self, head: str, parts: tuple[tuple[str, bool], ...]) -> None:
        self.head = head
        self.parts = parts

    @property
    def values(self) -> list[str]:
        """The parts that name no argument."""
        return [text for text, names in self.parts if not names]


def take_apart(action: str) -> Parts:
    """The head and the parts of an action.

    >>> take_apart('Find({"city":"San Jose"})').head
    'find'
    >>> take_apart('Find({"city":"San Jose"})').parts
    (('city', True), ('san jose', False))
    """
    return _taken_short(action) if len(action) <= LONGEST else _taken(action[:LONGEST_QUOTED])


def _taken(action: str) -> Parts:
    head, called, parts = "", False, list[tuple[str, bool]]()
    for found in _PART.finditer(action):
        if found.start() >= LONGEST or len(parts) == MOST_PARTS:
            break
        if found["quoted"]:
            text = plain(found["quoted"][1:-1]).strip()
        else:
            text = found["word"].lower().rstrip(".!?") or found["word"]
        if not head:
            head, called = text or '""', bool(found["called"])
            continue
        names = called and bool(_NAMES.match(action, found.end()))
        if names and found["quoted"]:
            text = found["quoted"][1:-1].lower()
        parts.append((text, names))
    return Parts(head, tuple(parts))


_taken_short = lru_cache(1 << 13)(_taken)


def everyday_words(trajectories: Iterable[Iterable[str]]) -> frozenset[str]:
    """The everyday words of a collection, from the actions of each of its trajectories."""
    seen: Counter[str] = Counter()
    count = 0
    for actions in trajectories:
        count += 1
        seen.update(
            {value for action in actions for value in take_apart(action).values if not _number(value)}
        )
    least = max(EVERYDAY_TRAJECTORIES, EVERYDAY_SHARE * count)
    return frozenset(word for word, times in seen.items() if times >= least)


def _number(value: str) -> bool:
    """Digits and no letter: 7, 3.5, [12], 2026-11-22."""
    return not _LETTER.search(value) and any(map(str.isdecimal, value))


def slots(action: str, instruction: str, observed: Sequence[str], everyday: frozenset[str]) -> str:
    """An action with its values told by where they are from.

    `instruction` and `observed` (the present observation and those before) are `plain` texts.

    >>> slots("take mug 1 from desk", plain("put a mug in the sink"), [plain("You see mug 1")], frozenset())
    'take <i> <c> _'
    """
    taken = take_apart(action)
    marks = [taken.head]
    for text, names in taken.parts:
        mark = f"{text}=" if names else _mark(text, instruction, observed, everyday)
        if mark != marks[-1] or mark not in MARKS:
            marks.append(mark)
    return " ".join(marks)


def _mark(text: str, instruction: str, observed: Sequence[str], everyday: frozenset[str]) -> str:
    words = plain(text)
    wordless = words == "  "
    if not wordless and words in instruction:
        return INSTRUCTION
    if text in everyday:
        return text
    if not wordless and any(words in seen for seen in observed):
        return CONTEXT
    return UNKNOWN


def template(action: str) -> str:
    """The head with its argument names, all values masked: equality by tool or verb.

    >>> template('Find({"city":"San Jose"})')
    'find city='
    """
    taken = take_apart(action)
    return " ".join([taken.head, *(f"{text}=" for text, names in taken.parts if names)])
