"""Closed loop: an agent acts in a real environment on what a variant shows it at each step.

What counts is the environment's own judgement. All variants play the same tasks with the same agent
(`evaluation.agents`); what a variant shows whole is aligned by the rule that aligns ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from environments.base import Environment, Task
from environments.errors import Stalled
from evaluation.agents import Advice, Agent, Propose, choose
from evaluation.asking import located, request
from evaluation.memory import MEMORY, Progress, remember
from evaluation.variants import VARIANTS, Variant
from indexing.embedder import Embedder, load_embedder
from indexing.errors import PrecedentError
from indexing.lane import EmbeddingLane
from indexing.library import Library
from indexing.lines import Lines
from indexing.records import JSON, Step, Trajectory
from indexing.snapshot import Snapshot
from retrievers.context import Context
from retrievers.learning import learn
from retrievers.moments import moments_of
from retrievers.requests import Demonstration, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Situation

NONE = "none"
"""The agent without demonstrations: chance among the admissible actions."""

Counts = Literal["success", "score"]
"""Whether the agent reached the goal, or how far it came as the environment scores it, from 0 to 1."""

ATTEMPTS = 3
"""How often an episode is begun in which the environment breaks down."""

PLAYED = (NONE, "random", "instruction", "observation", "model", "paper", "agentic", "agentic-once")


def family_of(task: Task) -> str:
    """The kind of task: its name, or what a game's path says of it.

    >>> family_of(Task("GoToObj", 3)), family_of(Task("valid_seen/pick_two-Mug-None-Desk-3/trial_9"))
    ('GoToObj', 'pick_two')
    """
    kinds = [part.partition("-")[0] for part in task.name.split("/")[:-1] if "-" in part]
    return kinds[0] if kinds else task.name


@dataclass(frozen=True)
class World:
    """An environment, what is remembered of it, and the tasks that are played.

    `propose` gives the actions to choose among for a task where the environment can't tell. `about` says
    what the environment is, `held_out` what of the tasks isn't remembered; `counts` is what the variants
    are compared by. One that isn't `gated` is told of, and no part of the mean over worlds.
    """

    name: str
    environment: Environment
    memory: Callable[[], Sequence[Trajectory]]
    tasks: Sequence[Task]
    step_limit: int
    settings: Mapping[str, JSON] = field(default_factory=dict)
    propose: Callable[[Task], Propose] | None = None
    about: str = ""
    held_out: str = ""
    counts: Counts = "success"
    gated: bool = True


@dataclass(frozen=True, slots=True)
class Episode:
    """One variant's episode. `ms` is the median retrieval's; `advised` the share of steps with advice.

    `reward` is the environment's score, from 0 to 1; `family` the kind of task.
    """

    world: str
    task: str
    variation: int
    variant: str
    success: bool
    reward: float
    steps: int
    ms: float
    advised: float
    family: str = ""


class Guide:
    """What a variant advises in one episode, situation by situation."""

    def __init__(self, snapshot: Snapshot, lane: EmbeddingLane, variant: Variant | None, k: int) -> None:
        self._variant = variant
        self._snapshot = variant.view(snapshot) if variant else snapshot
        self._lane = lane
        self._k = k
        self._kept: tuple[Demonstration, ...] | None = None
        self.everyday = moments_of(snapshot).everyday

    def advice(self, situation: Situation) -> list[Advice]:
        """The advice of each demonstration, in rank order; none of one that had already ended here."""
        variant = self._variant
        if variant is None:
            return []
        asked = request(situation, variant.limits(self._k))
        if self._kept is not None:
            return self._read(asked, self._kept, again=True)
        found = retrieve(self._snapshot, self._lane, asked, variant.strategy).demonstrations
        if variant.once:
            self._kept = found
        return self._read(asked, found, again=False)

    def _read(self, asked: Request, shown: Sequence[Demonstration], again: bool) -> list[Advice]:
        snapshot = self._snapshot
        context = Context(snapshot, self._lane, asked, snapshot.trajectories.alive)
        found = []
        for number, step in located(context, shown, again):
            record = snapshot.trajectory(number)
            if step < len(record.steps):
                found.append(Advice.of(record, step, self.everyday))
        return found


def play(
    world: World,
    task: Task,
    snapshot: Snapshot,
    lane: EmbeddingLane,
    variant: str,
    k: int = 10,
    seed: int = 0,
    agent: Agent = choose,
) -> Episode:
    """Play one task to its end or to the world's step limit. The same seed plays the same episode."""
    guide = Guide(snapshot, lane, None if variant == NONE else VARIANTS[variant], k)
    propose = world.propose(task) if world.propose else None
    start = world.environment.reset(task)
    situation = Situation(start.instruction, (), start.observation)
    reward, success, advised, times = 0.0, False, 0, list[float]()
    while len(times) < world.step_limit:
        begun = time.perf_counter()
        advice = guide.advice(situation)
        times.append((time.perf_counter() - begun) * 1e3)
        advised += bool(advice)
        admissible = world.environment.admissible_actions()
        if admissible is None and propose:
            admissible = propose(situation, advice)
        if not admissible:
            break
        action = agent(situation, admissible, advice, guide.everyday, seed)
        result = world.environment.step(action)
        done = Step(situation.observation or "", action)
        situation = Situation(start.instruction, (*situation.history, done), result.observation)
        reward, success = result.reward, result.success
        if result.done:
            break
    return Episode(
        world=world.name,
        task=task.name,
        variation=task.variation,
        variant=variant,
        success=success,
        reward=round(reward, 6),
        steps=len(situation.history),
        ms=round(float(np.median(times)), 3),
        advised=round(advised / len(times), 4),
        family=family_of(task),
    )


class EpisodeFile(Lines[Episode]):
    """Episodes on disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Episode)


@contextmanager
def remembering(
    world: World, folder: Path, progress: Progress, embedders: Callable[[str], Embedder] = load_embedder
) -> Iterator[Library]:
    """A library that holds the world's memory as a collection of its name, made at the first use."""
    with Library(folder / MEMORY, embedders, learner=learn) as memory:
        remember(memory, world.name, world.settings, lambda: (world.memory(), ()), progress)
        yield memory


def play_all(
    world: World,
    memory: Library,
    file: EpisodeFile,
    progress: Progress,
    variants: Sequence[str] = PLAYED,
    k: int = 10,
    seed: int = 0,
    agent: Agent = choose,
) -> None:
    """Every variant on every task, task by task; what the file has already isn't played again.

    `progress` is told (stage, done, total) and may raise to stop.

    Raises
    ------
    PrecedentError
        The environment broke, again and again.
    """
    have = {(one.world, one.task, one.variation, one.variant) for one in file.read()}
    live = memory.live(world.name)
    wanted = [(task, variant) for task in world.tasks for variant in variants]
    for count, (task, variant) in enumerate(wanted):
        progress(f"playing {world.name}", count, len(wanted))
        if (world.name, task.name, task.variation, variant) not in have:
            file.append([_patiently(world, task, live.snapshot, live.builder.lane, variant, k, seed, agent)])
    progress(f"playing {world.name}", len(wanted), len(wanted))


def _patiently(world: World, task: Task, *how: Any) -> Episode:
    """An episode, played anew where the environment broke down over it."""
    for _ in range(ATTEMPTS - 1):
        with suppress(Stalled):
            return play(world, task, *how)
    try:
        return play(world, task, *how)
    except Stalled as fault:
        raise PrecedentError(f"{fault}; what was played is kept, and --resume goes on from there") from fault
