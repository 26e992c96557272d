"""Where the task's own words stand in an observation: `a purple box 3 steps ahead` is `a <i> # steps ahead`.

Two moments of different tasks are alike when what each is after stands in the same place: in sight or
not, in a list, on a button, straight ahead. Whole observations don't tell; these few words do.
"""

from __future__ import annotations

import re

from retrievers.slots import INSTRUCTION, plain

NUMBER = "#"
PARTS, WORDS = 3, 12
"""Parts of an observation that are told, and words of each."""

LONGEST = 20_000
"""Characters of an observation that are read."""

_ENGLISH = """
a all an and any are as at be by can could do does find for from get go her his i in into is it its
like me my need no not of on one or our out please put she he some than that the their them then they
this to up want we with would you your
"""
FUNCTION_WORDS = frozenset(_ENGLISH.split())
"""Words of an instruction that say nothing of what it is after, in English."""

_PART = re.compile(r"\n|[.,;:]\s")
_DIGITS = re.compile(r"\d+")


def task_words(instruction: str) -> frozenset[str]:
    """The words of an instruction, given `plain`, that can tell what it is after."""
    return frozenset(
        word
        for word in instruction.split()
        if word not in FUNCTION_WORDS and (len(word) > 1 or word.isdecimal())
    )


def focus(words: frozenset[str], observation: str) -> str:
    """The parts of an observation in which most of the task's words stand; empty where none does.

    >>> focus(task_words(plain("go to the red ball")), "- a wall ahead\\n- a red ball 2 steps ahead")
    'a <i> # steps ahead'
    """
    most, found = 1, list[str]()
    if words.isdisjoint(plain(observation[:LONGEST]).split()):
        return ""
    for part in _PART.split(observation[:LONGEST]):
        told = plain(part).split()
        shared = len(words.intersection(told))
        if shared > most:
            most, found = shared, []
        if shared == most and len(found) < PARTS:
            text = _masked(words, told)
            if text not in found:
                found.append(text)
    return _DIGITS.sub(NUMBER, "|".join(sorted(found)))


def after_task(sight: str) -> str:
    """What follows the task's words in each part of a focus, whatever stands before them.

    >>> after_task("a locked red <i> # step ahead|you carry a red <i>")
    '|# step ahead'
    """
    return "|".join(sorted({part.rpartition(INSTRUCTION)[2].strip() for part in sight.split("|")}))


def _masked(words: frozenset[str], told: list[str]) -> str:
    marks: list[str] = []
    for word in told:
        mark = INSTRUCTION if word in words else word
        if mark != INSTRUCTION or marks[-1:] != [mark]:
            marks.append(mark)
    return " ".join(marks[:WORDS])
