"""What is remembered of a study: whole trajectories, constructed pairs, both; fractions; lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from benchmarks.construction_studies import Made, whole
from indexing.records import Trajectory
from synthesis.rollouts import Rollout
from synthesis.spans import BUCKETS, Bucket

PARTS = (1, 2, 4, 8, 16)
"""Memories of one rollout in so many."""

WHOLE, BOTH, PAIRS = "whole", "both", "pairs"
UNFILTERED, SUCCEEDED = "unfiltered", "succeeded"
LENGTHS: Mapping[str, tuple[Bucket, ...]] = {
    "short": ("short",),
    "medium": ("medium",),
    "long": ("long",),
    "short+medium": ("short", "medium"),
    "mix": BUCKETS,
}
"""Memories of as many pairs each, of these lengths in equal shares."""
KINDS = (WHOLE, BOTH, PAIRS, UNFILTERED, SUCCEEDED, *LENGTHS)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known: of a kind, from one rollout in `part`."""

    kind: str
    part: int
    known: Sequence[Trajectory]

    @property
    def name(self) -> str:
        """As a collection is named."""
        return self.kind.replace("+", "-") + (f"-1-of-{self.part}" if self.part > 1 else "")

    @property
    def against(self) -> str | None:
        """The memory of whole trajectories that it is held against."""
        return None if self.kind == WHOLE else Memory(WHOLE, self.part, ()).name


def memories(made: Made) -> Iterator[Memory]:
    """All memories of a study, nested: a smaller part is within a larger one."""
    rollouts = sorted(made.rollouts, key=lambda one: _order(one.id))
    pairs = sorted((pair for pair in made.pairs if straight(pair)), key=lambda one: _order(one.id))
    for part in PARTS:
        kept = rollouts[: -(-len(rollouts) // part)]
        told = list(map(whole, kept))
        yield Memory(WHOLE, part, told)
        yield Memory(BOTH, part, [*told, *_of(kept, pairs)])
    yield Memory(PAIRS, 1, pairs)
    if len(pairs) < len(made.pairs):
        yield Memory(UNFILTERED, 1, made.pairs)
    if 0 < sum(one.success for one in rollouts) < len(rollouts):
        yield Memory(SUCCEEDED, 1, [whole(one) for one in rollouts if one.success])
    by_length = {length: [pair for pair in pairs if _fact(pair, "length") == length] for length in BUCKETS}
    size = min(map(len, by_length.values()))
    for kind, lengths in LENGTHS.items() if size else ():
        yield Memory(kind, 1, [pair for one in lengths for pair in by_length[one][: size // len(lengths)]])


def straight(pair: Trajectory) -> bool:
    """Whether nothing is seen twice in it: the committee's "no detours, loops or needless steps", by rule."""
    seen = [step.observation for step in pair.steps]
    if pair.final_observation is not None:
        seen.append(pair.final_observation)
    return len(set(seen)) == len(seen)


def _of(rollouts: Iterable[Rollout], pairs: Iterable[Trajectory]) -> list[Trajectory]:
    ids = {one.id for one in rollouts}
    return [pair for pair in pairs if (pair.source or {})["rollout"] in ids]


def _fact(pair: Trajectory, name: str) -> object:
    return (pair.metadata or {})[name]


def _order(id: str) -> bytes:
    """An order without order, the same every time."""
    return blake2b(id.encode(), digest_size=8).digest()
