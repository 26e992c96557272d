"""InterCode agent logs, SQL and bash: a file is `{task number: {"query", "turn_history", …}}`.

Observation i follows action i, so a step's observation is the one that the turn before it brought.
Before the first action the agent has been shown nothing but its instruction: that observation is
empty. A turn that the model's provider refused is logged as the action `blocked`, without an
observation; it is left out unless the run has no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from indexing.formats import ImportReport
from indexing.formats._files import iter_files, place
from indexing.formats._ids import Ids
from indexing.formats._values import iter_objects, iter_values, stem
from indexing.records import JSON, Step, Trajectory

NOT_A_LOG = "not an InterCode log"
NO_TURNS = "run without turn_history"
WRAPPED = "run inside {meta, logs}"
NO_INSTRUCTION = "no instruction"
NO_ACTION = "no action"
REFUSED = "turn that the model's provider refused"

BLOCKED = "blocked"
QUESTIONS = "ic_spider_dev.json"
"""The SQL questions with their databases, published beside the logs."""


@dataclass(frozen=True, slots=True)
class Turns:
    """What was done and what came of it, side by side."""

    actions: tuple[str, ...]
    observations: tuple[Any, ...] = ()
    rewards: tuple[Annotated[float, Field(allow_inf_nan=False)] | None, ...] = ()
    thoughts: tuple[str | None, ...] = ()
    plan: Annotated[tuple[str | None, ...], Field(alias="steps")] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an agent on one question."""

    query: str
    turns: Annotated[Turns, Field(alias="turn_history")]
    environment: str | None = None
    dataset: str | None = None
    task_id: int | str | None = None
    hardness: str | None = None


@cache
def _adapter() -> TypeAdapter[Run]:
    return TypeAdapter(Run)


def read(path: Path, report: ImportReport) -> Iterator[Trajectory]:
    """Read runs from a JSON file, a folder or an archive laid out as `agent/configuration.json`."""
    ids, databases = Ids(), _databases(path)
    for name, content in iter_files(path, (".json",), report):
        where = place(path, stem(name), 2)
        for log in iter_values(name, content, report):
            if not isinstance(log, dict):
                report.skip(NOT_A_LOG)
                continue
            for number, value in log.items():
                run = _run(number, value, report)
                if run:
                    yield _trajectory(run, number, where, ids, databases, report)


def _run(number: str, value: JSON, report: ImportReport) -> Run | None:
    if number == "logs" and isinstance(value, dict):
        report.skipped[WRAPPED] += len(value)
        return None
    if number == "meta":
        return None
    if isinstance(value, dict) and "turn_history" not in value:
        report.skip(NO_TURNS)
        return None
    try:
        run = _adapter().validate_python(value)
    except ValidationError:
        report.skip(NOT_A_LOG)
        return None
    missing = NO_INSTRUCTION if not run.query.strip() else NO_ACTION if not run.turns.actions else None
    if missing:
        report.skip(missing)
    return None if missing else run


def _trajectory(
    run: Run,
    number: str,
    where: tuple[str, ...],
    ids: Ids,
    databases: Mapping[str, str],
    report: ImportReport,
) -> Trajectory:
    environment = (run.environment or "").removeprefix("ic_") or None
    agent = where[0] if len(where) > 1 else None
    metadata: dict[str, JSON] = {
        "environment": environment,
        "dataset": run.dataset,
        "task_id": run.task_id if run.task_id is not None else number,
        "hardness": run.hardness,
        "agent": agent,
        "configuration": where[-1],
        "db": databases.get(run.query) if environment == "sql" else None,
    }
    rewards = [reward for reward in run.turns.rewards if reward is not None]
    best = max(rewards, default=None)
    seen = [_text(observation) for observation in run.turns.observations]
    return Trajectory(
        id=ids.unique("intercode", environment or "unknown", *where, number),
        instruction=run.query,
        steps=_steps(run.turns, seen, report),
        final_observation=_final(run.turns, seen),
        source={"kind": "recorded"},
        outcome=None if best is None else {"success": best == 1.0, "reward": best},
        metadata={key: value for key, value in metadata.items() if value is not None},
    )


def _steps(turns: Turns, seen: list[str], report: ImportReport) -> tuple[Step, ...]:
    actions = turns.actions
    if len(actions) > max(len(seen), 1) and actions[-1] == BLOCKED:
        actions = actions[:-1]
        report.skip(REFUSED)
    thoughts = turns.thoughts or turns.plan
    return tuple(
        Step(
            observation=seen[turn - 1] if 0 < turn <= len(seen) else "",
            action=action,
            thought=thoughts[turn] if turn < len(thoughts) else None,
        )
        for turn, action in enumerate(actions)
    )


def _final(turns: Turns, seen: list[str]) -> str | None:
    """What followed the last action, where that is told."""
    answered = len(seen) >= len(turns.actions) or turns.actions[-1] == BLOCKED
    return seen[-1] if seen and answered else None


def _text(observation: JSON) -> str:
    """Observations are text; what isn't becomes compact JSON."""
    if isinstance(observation, str):
        return observation
    return json.dumps(observation, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _databases(path: Path) -> dict[str, str]:
    """The database of each SQL question, where the questions are published with the logs.

    A question asked of several databases is left out.
    """
    folders = [path, *path.resolve().parents[:2]]
    places = [folder / inner / QUESTIONS for folder in folders for inner in ("", "spider", "sql/spider")]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        return {}
    found: dict[str, set[str]] = {}
    for name, content in iter_files(file, (".json",), ImportReport()):
        for question in iter_objects(name, content, ImportReport()):
            if isinstance(text := question.get("query"), str) and isinstance(db := question.get("db"), str):
                found.setdefault(text, set()).add(db)
    return {text: min(databases) for text, databases in found.items() if len(databases) == 1}
