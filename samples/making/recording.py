"""From an expert in a real environment to trajectories, and to situations in the middle of one."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from environments.base import Expert, Task
from indexing.records import Document, Step, Trajectory

SHORTEST, LONGEST = 3, 40
"""Steps of the episodes kept: there should be a middle, and samples are read by people too."""


@dataclass(frozen=True, slots=True)
class Pick:
    """Which instances of a task to play: the first `count` of `variations` that are short enough."""

    task: str
    variations: Sequence[int]
    count: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How one sample collection is made: `shown` gives its trajectories, `held_out` become situations.

    A held-out task has one situation: of the first of its `count` episodes where an agent comes to
    stand, in the middle half, where one of the trajectories has stood; else of the first one's middle.
    """

    name: str
    world: Expert
    shown: Callable[[], Sequence[Trajectory]]
    held_out: Sequence[Pick]
    documents: Callable[[], Iterator[Document]]


@dataclass(frozen=True, slots=True)
class Episode:
    """What happened from the start of a task to its end."""

    task: Task
    instruction: str
    steps: tuple[Step, ...]
    final_observation: str
    reward: float
    success: bool


def play(world: Expert, task: Task, longest: int = LONGEST) -> Episode | None:
    """The expert's episode, each action really taken; None if it is too short or over the length."""
    start = world.reset(task)
    steps: list[Step] = []
    observation, reward, success = start.observation, 0.0, False
    for action in world.expert_actions():
        if len(steps) == longest:
            return None
        result = world.step(action)
        steps.append(Step(observation, action))
        observation, reward, success = result.observation, result.reward, result.success
        if result.done:
            break
    if len(steps) < SHORTEST:
        return None
    return Episode(task, start.instruction, tuple(steps), observation, round(reward, 4), success)


def played(world: Expert, picks: Sequence[Pick]) -> Iterator[Episode]:
    """The episodes that were picked, in order."""
    for pick in picks:
        kept = 0
        for variation in pick.variations:
            if kept == pick.count:
                break
            if episode := play(world, Task(pick.task, variation)):
                kept += 1
                yield episode


def recorded(world: Expert, picks: Sequence[Pick], environment: str) -> list[Trajectory]:
    """The records of the episodes that were picked."""
    return [trajectory(episode, environment) for episode in played(world, picks)]


def trajectory(episode: Episode, environment: str) -> Trajectory:
    """The record of an episode: an expert's, as it was played."""
    return Trajectory(
        id=f"{episode.task.name}/{episode.task.variation}",
        instruction=episode.instruction,
        steps=episode.steps,
        final_observation=episode.final_observation,
        source={"kind": "recorded", "construction": "original"},
        outcome={"success": episode.success, "reward": episode.reward},
        metadata=_about(episode, environment),
    )


def situation(episode: Episode, at: int, environment: str) -> dict[str, Any]:
    """An episode up to a step as an agent would send it, and what the expert did there."""
    return {
        "id": f"{episode.task.name}/{episode.task.variation}",
        "instruction": episode.instruction,
        "history": [_shown(step) for step in episode.steps[:at]],
        "observation": episode.steps[at].observation,
        "expert_action": episode.steps[at].action,
        "metadata": _about(episode, environment),
    }


def midway(episodes: Iterable[Episode], known: Container[str]) -> tuple[Episode, int] | None:
    """The episode and step of a situation, as `Plan` says, by what is known; None without episodes."""
    first: tuple[Episode, int] | None = None
    for episode in episodes:
        middle = len(episode.steps) // 2
        first = first or (episode, middle)
        half = range(max(2, middle // 2), min(len(episode.steps), middle + (middle + 1) // 2))
        for at in sorted(half, key=lambda index: abs(index - middle)):
            if episode.steps[at].observation in known:
                return episode, at
    return first


def spread(values: Sequence[int], count: int) -> list[int]:
    """All values, `count` of them that lie evenly apart first."""
    first = dict.fromkeys(values[index * len(values) // count] for index in range(count))
    return [*first, *(value for value in values if value not in first)]


def _shown(step: Step) -> dict[str, str]:
    return {name: value for name, value in asdict(step).items() if value is not None}


def _about(episode: Episode, environment: str) -> dict[str, Any]:
    return {"environment": environment, "task": episode.task.name, "variation": episode.task.variation}
