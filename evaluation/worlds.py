"""The worlds of the closed loop: each environment with what is remembered of it and what is played."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

from environments.alfworld import ALFWorld
from environments.base import Expert, Task
from environments.miniwob import MiniWoB
from environments.places import ABOUT
from environments.scienceworld import ScienceWorld
from environments.sql import SQL
from environments.sql_databases import Databases
from evaluation.closed_loop import World
from evaluation.statements import Schema, proposer
from indexing.formats import read
from indexing.records import Step, Trajectory, to_bytes, trajectory_from_bytes
from retrievers.slots import take_apart

T = TypeVar("T")

WORLDS = ("alfworld", "scienceworld", "miniwob", "sql")
"""The worlds by name."""

SCIENCE = (
    "chemistry-mix", "chemistry-mix-paint-secondary-color", "find-animal", "find-non-living-thing",
    "find-plant", "identify-life-stages-2", "lifespan-longest-lived", "power-component",
    "test-conductivity", "use-thermometer",
)  # fmt: skip
"""ScienceWorld's tasks of several kinds whose gold paths are short."""

SQL_FILES = Path("intercode", "sql", "spider")

LONGEST_PATH = 60
PATHS = 30
"""Gold paths that are remembered of each task of ScienceWorld."""

FEWEST_DEMONSTRATIONS = 20
POINTING = frozenset({"click", "type"})
MOSTLY = 0.9
"""A MiniWoB++ task is played where so much of what people did there is clicking and typing."""


def alfworld(data: Path, count: int, split: str = "valid_unseen", step_limit: int = 50) -> World:
    """Household tasks: TRAD's experts are remembered, ALFWorld games that aren't among theirs are played."""
    environment = ALFWorld(data / "alfworld_games" / "json_2.1.1_games.tar.gz", step_limit)
    memory = _trajectories("alfworld", data / "alfworld_trad")
    known = {(record.instruction, record.steps[0].observation) for record in memory}
    tasks = []
    for name in environment.games(split):
        start = environment.reset(Task(name))
        if (start.instruction, start.observation) not in known:
            tasks.append(Task(name))
    return World(
        "alfworld",
        environment,
        lambda: memory,
        spread(tasks, count),
        step_limit,
        about=ABOUT["alfworld"],
        held_out="TRAD's experts are remembered; no game is played that begins as one of theirs.",
    )


def scienceworld(
    folder: Path, count: int, names: Sequence[str] = SCIENCE, paths: int = PATHS, step_limit: int = 60
) -> World:
    """Science tasks: gold paths of training variations are remembered, test variations are played.

    The paths are kept in `folder`, for each takes seconds to find.
    """
    environment = ScienceWorld(step_limit=step_limit)
    test = {name: environment.variations(name, "test") for name in names}
    each = -(-count // len(names))
    turns = zip_longest(*([Task(name, number) for number in spread(test[name], each)] for name in names))
    tasks = [task for turn in turns for task in turn if task is not None][:count]

    def memory() -> list[Trajectory]:
        train = {name: environment.variations(name, "train") for name in names}
        wanted = [Task(name, number) for name in names for number in spread(train[name], paths)]
        return gold_paths(lambda: ScienceWorld(expert=True), wanted, folder / "scienceworld.ndjson")

    return World(
        "scienceworld",
        environment,
        memory,
        tasks,
        step_limit,
        about=ABOUT["scienceworld"],
        held_out="Gold paths of training variations are remembered, test variations are played.",
        counts="score",
    )


def miniwob(data: Path, count: int, seed: int = 0, step_limit: int = 10) -> World:
    """Web tasks: people's demonstrations are remembered, pages made from other seeds are played."""
    environment = MiniWoB(step_limit=step_limit)
    memory = _trajectories("miniwob", data / "miniwob_demos")
    by_task: defaultdict[str, list[Trajectory]] = defaultdict(list)
    for record in memory:
        by_task[str((record.metadata or {}).get("task"))].append(record)
    pages = set(environment.task_names())
    names = [name for name, records in sorted(by_task.items()) if name in pages and _is_pointing(records)]
    tasks = [Task(name, seed * 10_000 + turn) for turn in range(-(-count // len(names))) for name in names]
    return World(
        "miniwob",
        environment,
        lambda: memory,
        tasks[:count],
        step_limit,
        settings={"observation_normalizer": "html"},
        about=ABOUT["miniwob"],
        held_out="People's demonstrations are remembered; the pages played are made from other seeds.",
    )


def sql(data: Path, count: int, step_limit: int = 10) -> World:
    """Questions in SQL: InterCode's logs of other databases are remembered, one short success each.

    Every fourth database is played; each statement is judged, as for InterCode's agents that try again.
    """
    questions, dump = data / SQL_FILES / "ic_spider_dev.json", data / SQL_FILES / "ic_spider_dbs.sql"
    environment = SQL(questions, dump, judged="each query", step_limit=step_limit)
    played = environment.databases()[::4]
    logs = _trajectories("intercode", data / "intercode" / "results" / "sql.tar.gz")
    shortest: dict[str, Trajectory] = {}
    for record in sorted(logs, key=lambda record: (len(record.steps), record.id)):
        about = (record.metadata or {}).get("db")
        if about and about not in played and (record.outcome or {}).get("success"):
            shortest.setdefault(record.instruction, record)
    each = -(-count // len(played))
    turns = zip_longest(
        *([Task(name, number) for number in spread(environment.questions(name), each)] for name in played)
    )
    tasks = [task for turn in turns for task in turn if task is not None][:count]
    databases = Databases(dump, 5.0, 1_000)
    schemas: dict[str, Schema] = {}
    for name in played:
        database = databases.open(name)
        schemas[name] = {table: [column.name for column in of] for table, of in database.tables.items()}
        database.close()
    return World(
        "sql",
        environment,
        lambda: list(shortest.values()),
        tasks,
        step_limit,
        {"observation_normalizer": "shell"},
        propose=lambda task: proposer(schemas[task.name]),
        about="SQL, questions on Spider's databases",
        held_out="InterCode's logs of other databases are remembered.",
        gated=False,
    )


def _is_pointing(records: Sequence[Trajectory]) -> bool:
    heads = [take_apart(step.action).head for record in records for step in record.steps]
    share = sum(head in POINTING for head in heads) / max(len(heads), 1)
    return len(records) >= FEWEST_DEMONSTRATIONS and share >= MOSTLY


def gold_paths(expert: Callable[[], Expert], tasks: Sequence[Task], file: Path) -> list[Trajectory]:
    """What the expert does for each task, kept in `file`; those there already aren't played again.

    Failures and paths of more than LONGEST_PATH steps are left out.
    """
    found = {record.id: record for record in _kept(file)}
    missing = [task for task in tasks if _name(task) not in found]
    if missing:
        file.parent.mkdir(parents=True, exist_ok=True)
        world = expert()
        try:
            with file.open("ab") as kept:
                for task in missing:
                    record = found[_name(task)] = gold_path(world, task)
                    kept.write(to_bytes(record) + b"\n")
        finally:
            world.close()
    wanted = [found[_name(task)] for task in tasks]
    return [one for one in wanted if (one.outcome or {}).get("success") and len(one.steps) <= LONGEST_PATH]


def gold_path(world: Expert, task: Task) -> Trajectory:
    """The expert's trajectory, each action really taken."""
    start = world.reset(task)
    observation, success, reward, steps = start.observation, False, 0.0, list[Step]()
    for action in world.expert_actions():
        result = world.step(action)
        steps.append(Step(observation, action))
        observation, success, reward = result.observation, result.success, result.reward
        if result.done:
            break
    return Trajectory(
        id=_name(task),
        instruction=start.instruction,
        steps=tuple(steps),
        final_observation=observation,
        source={"kind": "recorded", "construction": "original"},
        outcome={"success": success, "reward": round(reward, 4)},
        metadata={"task": task.name, "variation": task.variation},
    )


def _name(task: Task) -> str:
    return f"{task.name}/{task.variation}"


def _kept(file: Path) -> Iterator[Trajectory]:
    if file.exists():
        for line in file.read_bytes().splitlines():
            yield trajectory_from_bytes(line)


def _trajectories(kind: str, path: Path) -> list[Trajectory]:
    return [record for record in read(kind, path) if isinstance(record, Trajectory)]


def spread(values: Sequence[T], count: int) -> list[T]:
    """At most so many of them, evenly apart.

    >>> spread([0, 1, 2, 3, 4, 5], 3)
    [0, 2, 4]
    """
    if len(values) <= count:
        return list(values)
    return [values[index * len(values) // count] for index in range(count)]


def worlds(data: Path, folder: Path, count: int, seed: int) -> Mapping[str, Callable[[], World]]:
    """Each world by its name, made when asked for; `folder` keeps what has to be made once."""
    return {
        "alfworld": lambda: alfworld(data, count),
        "scienceworld": lambda: scienceworld(folder, count),
        "miniwob": lambda: miniwob(data, count, seed),
        "sql": lambda: sql(data, count),
    }
