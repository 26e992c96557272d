"""An in-context agent without a language model: it does what its demonstrations did next, in its own words.

It knows no environment and no strategy. A demonstration advises its next action. Of the admissible
actions, those with the same slots (`retrievers.slots`) follow that advice, or where there are none
those that say nearly the same; and what stood in the demonstration's instruction and observation where
ours say something else is read as ours (an analogy: who was told "put a mug in the sink" and took the
mug tells one told "put a cup in the sink" to take the cup). The same agent acts for every strategy, so
that what differs is what it was shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import Protocol

from pydantic_core import to_json

from indexing.records import Trajectory
from retrievers.situation import Situation
from retrievers.slots import plain, slots, take_apart

NEARLY, SAME = 0.6, 1.0
"""The likeness of two wordings of one action; what it is worth that the advice is the very same."""

MOST_WORDS = 400
"""Words of an observation that are compared."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What a demonstration did at the aligned step, that action's slots, and where it was done."""

    action: str
    slots: str
    instruction: str
    observation: str

    @classmethod
    def of(cls, record: Trajectory, index: int, everyday: frozenset[str]) -> Advice:
        """What was done at a step, its slots read where it was done."""
        step, before = record.steps[index], record.steps[:index]
        read = _Reader(Situation(record.instruction, before, step.observation), everyday)
        return cls(step.action, read.slots(step.action), record.instruction, step.observation)


Propose = Callable[[Situation, Sequence[Advice]], Sequence[str]]
"""What may be done where the environment can't tell."""


class Agent(Protocol):
    """Acts on what it is shown."""

    def __call__(
        self,
        situation: Situation,
        admissible: Sequence[str],
        advised: Sequence[Advice],
        everyday: frozenset[str],
        seed: int,
    ) -> str:
        """One of the admissible actions, which are some."""
        ...


def choose(
    situation: Situation,
    admissible: Sequence[str],
    advised: Sequence[Advice],
    everyday: frozenset[str] = frozenset(),
    seed: int = 0,
) -> str:
    """One of the admissible actions, which must be some: what the first demonstration advises that fits.

    What was already done at an equal observation of this episode is left out unless nothing else is
    left. Where no advice fits, the action nearest in words to the first demonstration's; without
    demonstrations one drawn by `seed` and the situation.
    """
    done = [step.action for step in situation.history]
    tried = {step.action for step in situation.history if step.observation == situation.observation}
    open_ = [action for action in admissible if action not in tried] or list(admissible)
    luck = _Luck(seed, situation)
    if not advised:
        return max(open_, key=luck.of)
    read = _Reader(situation, everyday)
    wanted = [ours(advice, situation) for advice in advised]
    for advice, text in zip(advised, wanted, strict=True):
        fits = {action: read.fit(action, advice, text) for action in open_}
        if any(fits.values()):
            break
    else:
        fits = {action: likeness(action, wanted[0]) for action in open_}
    return max(open_, key=lambda action: (fits[action], -done.count(action), luck.of(action)))


class _Reader:
    """Reads the slots of actions in a situation."""

    def __init__(self, situation: Situation, everyday: frozenset[str]) -> None:
        self._instruction = plain(situation.instruction or "")
        texts = [situation.observation or "", *(step.observation for step in reversed(situation.history))]
        self._seen = ["\n".join(dict.fromkeys(map(plain, texts)))]
        self._everyday = everyday
        self._known: dict[str, str] = {}

    def slots(self, action: str) -> str:
        if action not in self._known:
            self._known[action] = slots(action, self._instruction, self._seen, self._everyday)
        return self._known[action]

    def fit(self, action: str, advice: Advice, wanted: str) -> float:
        """How near an action is to what is wanted; 0 where it is neither the same advice nor nearly that."""
        if take_apart(action).head != take_apart(advice.action).head:
            return 0.0
        near, same = likeness(action, wanted), self.slots(action) == advice.slots
        return near + SAME * same if same or near >= NEARLY else 0.0


def ours(advice: Advice, situation: Situation) -> str:
    """The advised action in our words.

    >>> told = Advice("take mug 1 from desk", "", "put a mug in the sink", "On the desk you see mug 1.")
    >>> ours(told, Situation("put a cup in the sink", (), "On the shelf you see cup 1."))
    'take cup 1 from shelf'
    """
    said = _replaced(advice.instruction, situation.instruction or "")
    seen = _replaced(advice.observation, situation.observation or "")
    known = {**dict(seen), **dict(said)}
    if not known:
        return plain(advice.action).strip()
    longest = sorted(known, key=lambda phrase: (-len(phrase), phrase))
    there = re.compile("|".join(f"(?<= ){re.escape(phrase)}(?= )" for phrase in longest))
    return there.sub(lambda found: known[found[0]], plain(advice.action)).strip()


@lru_cache(1 << 12)
def _replaced(theirs: str, our: str) -> tuple[tuple[str, str], ...]:
    """The phrases of one text in whose place another has others, the first of each."""
    if theirs == our:
        return ()
    left, right = plain(theirs).split()[:MOST_WORDS], plain(our).split()[:MOST_WORDS]
    found: dict[str, str] = {}
    for kind, first, end, at, to in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind != "replace":
            continue
        found.setdefault(" ".join(left[first:end]), " ".join(right[at:to]))
        if end - first == to - at:
            for old, new in zip(left[first:end], right[at:to], strict=True):
                found.setdefault(old, new)
    return tuple(found.items())


def likeness(first: str, second: str) -> float:
    """Dice's coefficient of the words and the pairs of neighbours of two texts, 0 to 1.

    >>> likeness("go to desk 1", "go to desk 1"), likeness("go to desk 1", "sing")
    (1.0, 0.0)
    """
    ours, theirs = _pieces(first), _pieces(second)
    total = sum(ours.values()) + sum(theirs.values())
    return 2 * sum((ours & theirs).values()) / total if total else 1.0


@lru_cache(1 << 14)
def _pieces(text: str) -> Counter[str]:
    words = plain(text).split()
    return Counter([*words, *(f"{left} {right}" for left, right in pairwise(words))])


class _Luck:
    """A draw for each action, the same for the same seed and situation."""

    def __init__(self, seed: int, situation: Situation) -> None:
        history = [step.action for step in situation.history]
        self._key = blake2b(to_json([seed, situation.instruction, history, situation.observation])).digest()

    def of(self, action: str) -> bytes:
        return blake2b(action.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()
