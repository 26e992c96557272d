"""A collection parted into memory and held-out episodes, by task: what is asked about was never seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from pydantic_core import to_json

from indexing.errors import InvalidInput
from indexing.records import Trajectory

INSTRUCTION = "instruction"
FIRST_OBSERVATION = "observation"
FAMILIES = ("task_type", "task", "service", "services", "db", "environment")
"""Where in a trajectory's metadata its kind of task may stand, by preference."""


@dataclass(frozen=True, slots=True)
class Split:
    """Trajectories to remember and episodes to ask about; no task is in both."""

    memory: tuple[Trajectory, ...]
    held_out: tuple[Trajectory, ...]


def task_key(by: str) -> Callable[[Trajectory], str]:
    """What tells tasks apart: the instruction, the first observation, or a dotted path into the metadata.

    The function raises InvalidInput for a trajectory that has nothing there.
    """
    if by == INSTRUCTION:
        return lambda record: record.instruction
    if by == FIRST_OBSERVATION:
        return lambda record: record.steps[0].observation
    path = by.removeprefix("metadata.").split(".")

    def key(record: Trajectory) -> str:
        found: object = record.metadata
        for name in path:
            if not isinstance(found, dict) or name not in found:
                raise InvalidInput(
                    f"trajectory {record.id!r} has no metadata.{'.'.join(path)}; split by another path", "by"
                )
            found = found[name]
        return found if isinstance(found, str) else to_json(found).decode()

    return key


def split(records: Iterable[Trajectory], by: str, held_out: float, seed: int) -> Split:
    """Part by task; the same seed draws tasks in the same order, whatever else there is.

    Where tasks are told apart by something else than the instruction, a held-out episode whose
    instruction also stands in memory stays held out: it is the scene that is new.

    Raises
    ------
    InvalidInput
        There are fewer than two tasks, so that nothing can be held out.
    """
    groups: dict[str, list[Trajectory]] = {}
    key = task_key(by)
    for record in sorted(records, key=lambda record: record.id):
        if record.steps:
            groups.setdefault(key(record), []).append(record)
    if len(groups) < 2:
        raise InvalidInput(f"all trajectories share one {by}: nothing can be held out", "by")
    order = sorted(groups, key=lambda task: _draw(seed, task))
    count = min(max(1, round(held_out * len(order))), len(order) - 1)
    return Split(_of(groups, order[count:]), _of(groups, order[:count]))


def _of(groups: dict[str, list[Trajectory]], tasks: Sequence[str]) -> tuple[Trajectory, ...]:
    return tuple(record for task in tasks for record in groups[task])


def _draw(seed: int, text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=str(seed).encode()).digest()


def episodes(held_out: Iterable[Trajectory], count: int, seed: int) -> list[Trajectory]:
    """Some of the held-out episodes, drawn by the seed."""
    return sorted(held_out, key=lambda record: _draw(seed, record.id))[:count]


def steps_of(record: Trajectory, most: int) -> list[int]:
    """At most so many of an episode's steps, spread evenly, the first and the last among them."""
    last = len(record.steps) - 1
    if last < most:
        return list(range(last + 1))
    return sorted({round(place * last / max(most - 1, 1)) for place in range(most)})


def family(record: Trajectory) -> str:
    """The kind of task an episode is of, "" where its metadata doesn't tell."""
    for name in FAMILIES:
        found = (record.metadata or {}).get(name)
        if isinstance(found, str):
            return found
        if isinstance(found, list) and found and isinstance(found[0], str):
            return found[0]
    return ""
