"""What a policy is told of a moment: hashed names of what was asked, done and seen, by group.

Everything is read as it is everywhere here: actions as advice (see `retrievers.slots`), the task's own
words in an observation as `<i>`, numbers as `#`. So a name means the same in another task.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from retrievers.focus import FUNCTION_WORDS, NUMBER, after_task, focus
from retrievers.slots import INSTRUCTION, plain, take_apart

HISTORY, FOCUS, TASK, SEEN, ACTION, LINES, SEEN_AFTER, ANSWER = range(8)
"""Groups of names. A moment's names of one group weigh as much as those of another, however many."""

GROUP_BITS = 3
LATEST, LATE = 12, 8
"""Actions that are remembered, and the step from which on it doesn't matter how late it is."""

OFTEN, MANY = 4, 9
"""From how often on it doesn't matter how often something was done, or how many words are still unnamed."""

ANSWER_WORDS, ANSWERED_WORDS = 6, 24
"""First words of an observation that are read as the answer to the last action, and words of that."""

TASK_WORDS, ACTION_CHARACTERS = 200, 300
SEEN_CHARACTERS, SEEN_WORDS, AFTER_WORDS, SEEN_LINES, LINE_WORDS = 6_000, 600, 300, 60, 12
"""How much of each text is read."""

NOTHING = "^"


def inputs(
    instruction: str,
    words: frozenset[str],
    observation: str,
    advice: Sequence[int],
    place: int,
    action: str,
    left: int,
) -> NDArray[np.uint64]:
    """The names of a moment, ascending.

    `instruction` is `plain` and `words` its `task_words`; `advice` is what the last actions advise,
    latest first; `place` counts the steps before, and `action` is the last one's action. `left` is
    how many of `words` are still `unnamed`.
    """
    done = [f"{key:x}" for key in advice[:LATEST]]
    last, second, third = [*done, NOTHING, NOTHING, NOTHING][:3]
    told = list(dict.fromkeys(instruction.split()[:TASK_WORDS]))
    sight = focus(words, observation)
    rest = after_task(sight)
    seen = observation[:SEEN_CHARACTERS]
    shown = list(dict.fromkeys(_masked(words, plain(seen).split()[:SEEN_WORDS])))
    lines = (" ".join(_masked(words, plain(line).split()[:LINE_WORDS])) for line in _lines(seen))
    acted = plain(action[:ACTION_CHARACTERS]).split() if place else []
    answered = _masked(words, acted[:ANSWERED_WORDS])
    head = take_apart(action).head if place else NOTHING
    history = [f"1{last}", f"2{last}{second}", f"3{last}{second}{third}", f"b{second}", f"c{third}"]
    history += [f"i{min(place, LATE)}", f"h{head}"]
    history += [f"r{min(left, MANY)}", f"r{min(left, MANY)} {last}"]
    history += [f"d{key} {min(times, OFTEN)}" for key, times in Counter(done).items()]
    found = [
        *_keys(HISTORY, history),
        *_keys(FOCUS, [f"f{sight}", f"l{last}{sight}", *_chained(sight.split())]),
        *_keys(FOCUS, [f"t{rest}", f"tl{last}{rest}"]),
        *_keys(TASK, [*_chained(told), *(f"1{last}{word}" for word in told if word not in FUNCTION_WORDS)]),
        *_keys(SEEN, shown),
        *_keys(ACTION, _chained(acted)),
        *_keys(LINES, lines),
        *_keys(SEEN_AFTER, (f"{last}{word}" for word in shown[:AFTER_WORDS])),
        *_keys(ANSWER, (f"{word} {said}" for word in shown[:ANSWER_WORDS] for said in answered)),
    ]
    return np.unique(np.array(found, np.uint64))


def unnamed(words: frozenset[str], actions: Iterable[str]) -> list[int]:
    """How many of the task's words no action has named: before the first action, and after each.

    Who has to choose three of a list and has chosen one stands where others stood whose list had two.

    >>> unnamed(frozenset({"pear", "fig"}), ["click pear", "click submit"])
    [2, 1, 1]
    """
    left, found = set(words), [len(words)]
    for action in actions:
        if left:
            left.difference_update(plain(action[:ACTION_CHARACTERS]).split())
        found.append(len(left))
    return found


def groups(names: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The group of each name."""
    return (names & np.uint64((1 << GROUP_BITS) - 1)).astype(np.int64)


def _keys(group: int, names: Iterable[str]) -> list[int]:
    return [crc32(name.encode()) << GROUP_BITS | group for name in names]


def _chained(words: Sequence[str]) -> list[str]:
    """Words and pairs of neighbours."""
    return [*words, *(f"{one} {two}" for one, two in itertools.pairwise(words))]


def _lines(text: str) -> list[str]:
    return text.split("\n")[:SEEN_LINES]


def _masked(words: frozenset[str], told: Iterable[str]) -> list[str]:
    return [INSTRUCTION if word in words else NUMBER if word.isdigit() else word for word in told]
