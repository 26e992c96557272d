"""`precedent compare --environment`: collections as the memory of an agent that acts in a real environment.

No task that is played is remembered. What tells tasks apart is what tells them apart in the replay
(`evaluation.split`), and whatever says in its metadata that it is of the very task and variation that is
played stays out as well, for instance what was constructed from a rollout of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from environments import places
from environments.base import Environment, Start, Task
from environments.errors import EnvironmentFault
from environments.places import Place
from evaluation.actors import CHOOSER, Actor, borrowed, likely
from evaluation.closed_loop import NONE, PLAYED, EpisodeFile, World, play_all
from evaluation.compare import Options
from evaluation.memory import Progress, remembering_part, trajectories
from evaluation.split import FIRST_OBSERVATION, INSTRUCTION, task_key
from evaluation.variants import VARIANTS
from indexing.errors import InvalidInput, refused_as_input
from indexing.library import Library
from indexing.lines import Lines
from indexing.records import JSON, Trajectory

MEMORY = "memory-played"
"""The folder of what is remembered while tasks are played: not what the replay remembers."""

TASKS = "tasks.ndjson"

BY_SCORE = frozenset({"scienceworld"})
"""Environments whose score says more than success, which is rare in them."""

KEYS: Mapping[str, Callable[[Task, Start], str]] = {
    INSTRUCTION: lambda _, start: start.instruction,
    FIRST_OBSERVATION: lambda _, start: start.observation,
    "metadata.task": lambda task, _: task.name,
    "metadata.variation": lambda task, _: str(task.variation),
}
"""What an environment tells of a task that a collection is split by."""


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """Where to play what: `tasks` as they are written, `actions` the most of an episode.

    `path` is what the environment reads; `agent_model` the model whose likelihood acts, a GGUF file.
    """

    environment: str
    tasks: tuple[str, ...]
    path: Path | None = None
    actions: int = 50
    agent_model: Path | None = None

    def place(self) -> Place:
        """The environment; raises InvalidInput."""
        with refused_as_input(EnvironmentFault, "environment"):
            return places.place(self.environment, self.path)

    def to_play(self) -> list[Task]:
        """The tasks, each once; raises InvalidInput."""
        only = self.place().only
        with refused_as_input(EnvironmentFault, "environment"):
            return list(dict.fromkeys(one for text in self.tasks for one in places.read_task(text, only)))

    def to_fields(self) -> dict[str, JSON]:
        """As a JSON object that others may read."""
        return {
            "environment": self.place().name,
            "place": self.path and str(self.path),
            "tasks": list(self.tasks),
            "actions": self.actions,
            "agent_model": self.agent_model and self.agent_model.name,
        }


def check(options: Options, loop: LoopOptions) -> None:
    """Raises InvalidInput where what is asked for can't be played."""
    if not loop.to_play():
        raise InvalidInput(
            "--task: name at least one that is played, such as boil, boil:3 or boil:0-9", "task"
        )
    if not to_be_played(options.strategies):
        raise InvalidInput("--strategies names none that can be played", "strategies")
    if _by(options.by) not in KEYS:
        raise InvalidInput(
            f"--by {options.by}: of a task that is played an environment tells {', '.join(KEYS)}", "by"
        )


def to_be_played(names: Sequence[str] | None) -> tuple[str, ...]:
    """Those of the variants that an agent can act on, by default the ones worth playing."""
    return PLAYED if names is None else tuple(name for name in names if name == NONE or name in VARIANTS)


def to_be_replayed(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Those of the variants that a replay asks; the agent without demonstrations is none."""
    return None if names is None else tuple(name for name in names if name != NONE)


@dataclass(frozen=True, slots=True)
class Begun:
    """How a task begins."""

    task: str
    variation: int
    instruction: str
    observation: str


@contextmanager
def prepared(
    library: Library,
    names: Sequence[str],
    options: Options,
    loop: LoopOptions,
    folder: Path,
    progress: Progress,
) -> Iterator[list[World]]:
    """A world for each collection, all in one environment, which is closed at the end.

    Each task is begun once, to see what mustn't be remembered; how it begins is kept in `folder`.

    Raises
    ------
    InvalidInput
        The environment has no such task or isn't installed, or nothing is left to remember.
    """
    place, tasks, kept = loop.place(), loop.to_play(), Lines(folder / TASKS, Begun)
    with refused_as_input(EnvironmentFault, "environment"):
        environment = place.make()
    try:
        known = kept.read() or _begin(environment, tasks, progress)
        starts = {Task(one.task, one.variation): Start(one.instruction, one.observation) for one in known}
        worlds = [_world(library, name, environment, place, starts, options, loop) for name in names]
        if not kept.read():
            kept.append(known)
        yield worlds
    finally:
        environment.close()


def play(
    library: Library,
    worlds: Sequence[World],
    options: Options,
    actor: Actor,
    file: EpisodeFile,
    progress: Progress,
) -> None:
    """Play every task with every variant in each world; what the file has already isn't played again."""
    variants = to_be_played(options.strategies)
    for world in worlds:
        part = world.memory()
        with remembering_part(library, world.name, part, file.path.parent / MEMORY, progress) as memory:
            play_all(world, memory, file, progress, variants, options.k, options.seed, actor.act)


def actor_of(loop: LoopOptions) -> Actor:
    """Who acts; raises InvalidInput where its model can't be read."""
    return likely(loop.agent_model) if loop.agent_model else CHOOSER


def _begin(environment: Environment, tasks: Sequence[Task], progress: Progress) -> list[Begun]:
    found = []
    for count, task in enumerate(tasks):
        progress("beginning", count, len(tasks))
        with refused_as_input(EnvironmentFault, "environment"):
            start = environment.reset(task)
        found.append(Begun(task.name, task.variation, start.instruction, start.observation))
    return found


def _world(
    library: Library,
    name: str,
    environment: Environment,
    place: Place,
    starts: Mapping[Task, Start],
    options: Options,
    loop: LoopOptions,
) -> World:
    everything = [record for record in trajectories(library, name) if record.steps]
    part = _unplayed(everything, starts, _by(options.by))
    if not part:
        raise InvalidInput(
            f"all {len(everything):,} trajectories of {name} are of tasks that are played (by {options.by}): "
            "nothing is left to remember; play others, or tell them apart by something else with --by",
            "by",
        )
    return World(
        name,
        environment,
        lambda: part,
        list(starts),
        loop.actions,
        propose=lambda _: borrowed(place.closing),
        about=place.about,
        held_out=_told(name, len(everything), len(part), options.by),
        counts="score" if place.name in BY_SCORE else "success",
    )


def _unplayed(records: Sequence[Trajectory], starts: Mapping[Task, Start], by: str) -> list[Trajectory]:
    """What may be remembered."""
    key = task_key(by)
    played = {KEYS[by](task, start) for task, start in starts.items()}
    return [record for record in records if key(record) not in played and _task(record) not in starts]


def _task(record: Trajectory) -> Task | None:
    """The task that a trajectory says it is of."""
    found = record.metadata or {}
    name, variation = found.get("task"), found.get("variation")
    return Task(name, variation) if isinstance(name, str) and isinstance(variation, int) else None


def _told(name: str, total: int, left: int, by: str) -> str:
    same = f"the same {by}, or the same task and variation in its metadata"
    if left == total:
        return f"None of the {total:,} trajectories of {name} is of a task that is played ({same})."
    return (
        f"What is of a task that is played wasn't in memory ({same}): {total - left:,} of the {total:,} "
        f"trajectories of {name}."
    )


def _by(by: str) -> str:
    path = f"metadata.{by}"
    return path if path in KEYS else by
