"""Every moment at which something was done, as what was advised there: the ranker's view of a collection.

An action's *advice* is the fingerprint of its slots (see `retrievers.slots`), so that the same step with
other values counts as the same. For every position a segment knows its own advice and those before it,
and how often each advice followed a context: the last advice, the last two, the observation, what stands
there where the task's own words do, and these together with the last advice. Of each action it knows besides
what it names, which its advice leaves open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json, to_json

from indexing.analysis import NO_ACTION, fingerprint
from indexing.engine import Floats, Mask, Numbers
from indexing.records import Trajectory, trajectory_from_bytes
from indexing.segment import TrajectorySegment
from indexing.snapshot import Snapshot
from retrievers.focus import focus, task_words
from retrievers.named import Named, hashed, named
from retrievers.slots import everyday_words, plain, slots

Keys = NDArray[np.uint64]

BEFORE = 3
"""How many earlier pieces of advice a moment is compared by."""

WORDS, ADVICE, FOCUS, TEXTS = "words.json", "advice.u64", "focus.u64", "advice.json"
"""What is learned of a generation: everyday words, each position's advice and focus, the advice as text."""

NAMED, NAMED_COUNTS = "named.u32", "named.u8"
"""And the words that each position's action names, and how many these are (see `retrievers.named`)."""

_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))


def mixed(first: Keys, second: Keys) -> Keys:
    """One key for each pair."""
    return first * _MIX[0] ^ (second + _MIX[0]) * _MIX[1]


def focus_of(record: Trajectory) -> list[int]:
    """The fingerprint of the focus at each position (see `retrievers.focus`)."""
    words = task_words(plain(record.instruction))
    found = [fingerprint(focus(words, step.observation)) for step in record.steps]
    if record.final_observation is not None:
        found.append(fingerprint(focus(words, record.final_observation)))
    return found


def advice_of(record: Trajectory, everyday: frozenset[str], texts: dict[int, str]) -> list[int]:
    """The advice at each position, NO_ACTION at a final observation; `texts` learns what they stand for."""
    instruction, seen, found = plain(record.instruction), list[str](), []
    for step in record.steps:
        seen.insert(0, plain(step.observation))
        text = slots(step.action, instruction, seen, everyday)
        key = fingerprint(text)
        texts[key] = text
        found.append(key)
    return found + [NO_ACTION] * (record.final_observation is not None)


@dataclass(frozen=True)
class Moments:
    """The moments of one segment. `advice`, `focus` and `named` have an entry for each position."""

    segment: TrajectorySegment
    advice: Keys
    focus: Keys
    texts: Mapping[int, str]
    named: Named

    @cached_property
    def before(self) -> tuple[Keys, ...]:
        """The advice one, two, ... positions before each, 0 before the beginning."""
        index = np.arange(len(self.advice)) - self.segment.position_start[self.segment.owner]
        found = []
        for back in range(1, BEFORE + 1):
            shifted = np.concatenate([np.zeros(back, np.uint64), self.advice[:-back]])[: len(self.advice)]
            found.append(np.where(index >= back, shifted, np.uint64(0)))
        return tuple(found)

    @cached_property
    def contexts(self) -> tuple[Keys, ...]:
        """Each position's contexts, by kind (see `context_keys`)."""
        observation = self.segment.observations.keys[self.segment.observation_row]
        return context_keys(self.before[0], self.before[1], observation, self.focus)

    @cached_property
    def _by_two(self) -> tuple[Keys, Numbers]:
        keys = np.where(self.advice == np.uint64(NO_ACTION), np.uint64(0), self.contexts[1])
        order = np.argsort(keys, kind="stable")
        return keys[order], order

    def after_two(self, context: int) -> Numbers:
        """The positions of the segment with this context of two, ascending."""
        keys, order = self._by_two
        key = np.uint64(context)
        return order[np.searchsorted(keys, key, "left") : np.searchsorted(keys, key, "right")]

    @cached_property
    def _sorted(self) -> tuple[tuple[Keys, Keys], ...]:
        acted = self.advice != np.uint64(NO_ACTION)
        return tuple(
            (np.sort(keys[acted]), np.sort(mixed(keys, self.advice)[acted])) for keys in self.contexts
        )

    @cached_property
    def _by_advice(self) -> tuple[Keys, Numbers]:
        acted = np.flatnonzero(self.advice != np.uint64(NO_ACTION))
        order = acted[np.argsort(self.advice[acted], kind="stable")]
        return self.advice[order], order

    def bearing(self, advice: int) -> Numbers:
        """The positions of the segment at which this was done, ascending."""
        keys, order = self._by_advice
        key = np.uint64(advice)
        return order[np.searchsorted(keys, key, "left") : np.searchsorted(keys, key, "right")]

    def counts(self, kind: int, context: Keys, advice: Keys) -> tuple[Floats, Floats]:
        """How often each context occurred, and how often that advice followed."""
        alone, joint = self._sorted[kind]
        return _count(alone, context), _count(joint, mixed(context, advice))

    def frequency(self, advice: Keys) -> Floats:
        """How often each advice was followed."""
        return _count(self._by_advice[0], advice)


def context_keys(last: Keys, second: Keys, observation: Keys, focus: Keys) -> tuple[Keys, ...]:
    """By kind: last advice, last two, observation, that and last advice, focus, that and last advice."""
    return last, mixed(last, second), observation, mixed(observation, last), focus, mixed(focus, last)


def _count(ordered: Keys, wanted: Keys) -> Floats:
    found: Floats = (
        np.searchsorted(ordered, wanted, "right") - np.searchsorted(ordered, wanted, "left")
    ).astype(np.float64)
    return found


def everyday_of(snapshot: Snapshot) -> frozenset[str]:
    """The everyday words that were learned; none before the first generation."""
    learned = snapshot.learned.get(WORDS)
    return frozenset(from_json(learned)) if learned else frozenset()


class MomentsOf:
    """The moments of a snapshot, its segments' side by side."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._starts = snapshot.position_starts
        self.everyday = everyday_of(snapshot)
        self.parts: list[Moments] = [
            segment.derived("moments", partial(self._made, snapshot, segment, place))
            for place, segment in enumerate(snapshot.trajectories.segments)
        ]
        self.size = max(sum(int((part.advice != np.uint64(NO_ACTION)).sum()) for part in self.parts), 1)

    def _made(self, snapshot: Snapshot, segment: TrajectorySegment, place: int) -> Moments:
        learned = snapshot.learned
        if place == 0 and learned.keys() >= {ADVICE, FOCUS, NAMED, NAMED_COUNTS}:
            advice, focus = (np.frombuffer(learned[name], np.uint64) for name in (ADVICE, FOCUS))
            words = np.frombuffer(learned[NAMED], np.uint32)
            counts = np.frombuffer(learned[NAMED_COUNTS], np.uint8)
            if len(advice) == len(focus) == len(counts) == len(segment.owner):
                keys, texts = from_json(learned[TEXTS])
                known = dict(zip(keys, texts, strict=True))
                return Moments(segment, advice, focus, known, Named(words, counts))
        return read_moments(segment, self.everyday)

    def text(self, advice: int) -> str:
        """The slots that an advice stands for."""
        return next((part.texts[advice] for part in self.parts if advice in part.texts), "")

    def _gathered(self, positions: Numbers, arrays: Sequence[Keys]) -> Keys:
        if len(arrays) == 1:
            return arrays[0][positions]
        found = np.empty(len(positions), np.uint64)
        for number, mine, own in self._parted(positions):
            found[mine] = arrays[number][own]
        return found

    def _parted(self, positions: Numbers) -> Iterator[tuple[int, Mask, Numbers]]:
        """Each part that has some of the positions: its number, which these are, and their places in it."""
        place = np.searchsorted(self._starts, positions, "right") - 1
        for number in np.unique(place).tolist():
            mine = place == number
            yield number, mine, positions[mine] - self._starts[number]

    def advice(self, positions: Numbers) -> Keys:
        """The advice at positions of the snapshot."""
        return self._gathered(positions, [part.advice for part in self.parts])

    def in_sight(self, positions: Numbers, sight: NDArray[np.uint32]) -> Floats:
        """The share of what was named at each position that is among these hashed words."""
        found = np.empty(len(positions))
        for number, mine, own in self._parted(positions):
            found[mine] = self.parts[number].named.in_sight(own, sight)
        return found

    def before(self, positions: Numbers) -> list[Keys]:
        """The advice one, two, ... positions before each."""
        return [
            self._gathered(positions, [part.before[back] for part in self.parts]) for back in range(BEFORE)
        ]

    def contexts(self, positions: Numbers) -> list[Keys]:
        """The contexts of positions, by kind."""
        kinds = len(self.parts[0].contexts) if self.parts else 0
        return [
            self._gathered(positions, [part.contexts[kind] for part in self.parts]) for kind in range(kinds)
        ]

    def counts(self, kind: int, context: int, advice: Keys) -> tuple[float, Floats]:
        """How often a context occurred, and how often each advice followed it."""
        repeated = np.full(len(advice), context, np.uint64)
        alone, joint = np.zeros(len(advice)), np.zeros(len(advice))
        for part in self.parts:
            more_alone, more_joint = part.counts(kind, repeated, advice)
            alone += more_alone
            joint += more_joint
        return float(alone[0]) if len(alone) else 0.0, joint

    def after_two(self, context: int) -> Numbers:
        """Positions of the snapshot after these last two pieces of advice."""
        return self._side_by_side([part.after_two(context) for part in self.parts])

    def bearing(self, advice: int) -> Numbers:
        """Positions of the snapshot at which this was done."""
        return self._side_by_side([part.bearing(advice) for part in self.parts])

    def _side_by_side(self, found: Sequence[Numbers]) -> Numbers:
        moved = [start + mine for start, mine in zip(self._starts, found, strict=False)]
        return np.concatenate([np.empty(0, np.int64), *moved])

    def frequency(self, advice: Keys) -> Floats:
        """How often each advice was followed."""
        found = np.zeros(len(advice))
        for part in self.parts:
            found += part.frequency(advice)
        return found


def read_moments(segment: TrajectorySegment, everyday: frozenset[str]) -> Moments:
    """The moments of a segment, read from its records."""
    texts: dict[int, str] = {}
    advice, focus, words, counts = list[int](), list[int](), [hashed([])], bytearray()
    for ordinal in range(len(segment)):
        record = trajectory_from_bytes(segment.body(ordinal))
        given = advice_of(record, everyday, texts)
        pairs = zip(record.steps, given, strict=False)  # nothing was done at a final observation
        names = [named(step.action, texts[key]) for step, key in pairs]
        words.append(hashed(chain.from_iterable(names)))
        counts += bytes([*map(len, names), *[0] * (len(given) - len(names))])
        advice += given
        focus += focus_of(record)
    keys = np.array(advice, np.uint64), np.array(focus, np.uint64)
    return Moments(segment, *keys, texts, Named(np.concatenate(words), np.frombuffer(counts, np.uint8)))


def learn_moments(segment: TrajectorySegment) -> dict[str, bytes]:
    """A segment's everyday words and moments, as they are kept with a generation."""
    actions = (
        [step.action for step in trajectory_from_bytes(segment.body(ordinal)).steps]
        for ordinal in range(len(segment))
    )
    everyday = everyday_words(actions)
    moments = read_moments(segment, everyday)
    return {
        WORDS: to_json(sorted(everyday)),
        ADVICE: moments.advice.tobytes(),
        FOCUS: moments.focus.tobytes(),
        NAMED: moments.named.words.tobytes(),
        NAMED_COUNTS: moments.named.counts.tobytes(),
        TEXTS: to_json([list(moments.texts), list(moments.texts.values())]),
    }


def moments_of(snapshot: Snapshot) -> MomentsOf:
    """The moments of a snapshot, read once."""
    return snapshot.derived("moments", lambda: MomentsOf(snapshot))
