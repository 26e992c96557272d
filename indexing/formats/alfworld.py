"""ALFWorld expert trajectories as published with TRAD: `{"task", "traj": [{"obs", "act", "thought"}]}`.

The last entry is what was seen once the task was done: it has no thought, and its action, which the
planner would have taken next, is no step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from indexing.formats import ImportReport
from indexing.formats._files import iter_files
from indexing.formats._ids import Ids
from indexing.formats._values import iter_objects, stem
from indexing.records import JSON, Step, Trajectory

NOT_A_TRAJECTORY = "not an ALFWorld trajectory"
NO_INSTRUCTION = "no instruction"
NO_ACTION = "no action"
AFTER_THE_END = "action after the task was done"

TASK_TYPES = (
    (re.compile(r"(examine|look at)\b.*\bdesklamp"), "look_at_obj_in_light"),
    (re.compile(r"(put|find) two\b"), "pick_two_obj_and_place"),
    (re.compile(r"(put an? clean|clean)\b"), "pick_clean_then_place_in_recep"),
    (re.compile(r"(put an? hot|heat)\b"), "pick_heat_then_place_in_recep"),
    (re.compile(r"(put an? cool|cool)\b"), "pick_cool_then_place_in_recep"),
    (re.compile(r"put\b"), "pick_and_place_simple"),
)
"""How each of ALFWorld's six types of task words its instruction."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was seen, done and thought."""

    observation: Annotated[str, Field(alias="obs")]
    action: Annotated[str, Field(alias="act")]
    thought: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A file as published."""

    task: str
    entries: Annotated[tuple[Entry, ...], Field(alias="traj")]


@cache
def _adapter() -> TypeAdapter[Run]:
    return TypeAdapter(Run)


def read(path: Path, report: ImportReport) -> Iterator[Trajectory]:
    """Read expert trajectories from a JSON file, a folder or an archive of them."""
    ids = Ids()
    for name, content in iter_files(path, (".json",), report):
        for value in iter_objects(name, content, report):
            try:
                run = _adapter().validate_python(value)
            except ValidationError:
                report.skip(NOT_A_TRAJECTORY)
                continue
            if not run.task.strip():
                report.skip(NO_INSTRUCTION)
            elif not run.entries:
                report.skip(NO_ACTION)
            else:
                file = stem(name)
                yield _trajectory(ids.unique("alfworld", file), run, file, report)


def task_type(instruction: str) -> str | None:
    """ALFWorld's name for the type of a task, told by the wording of its instruction."""
    return next((name for wording, name in TASK_TYPES if wording.match(instruction.strip())), None)


def _trajectory(name: str, run: Run, file: str, report: ImportReport) -> Trajectory:
    entries, last = run.entries, run.entries[-1]
    ended = last.thought is None and len(entries) > 1 and entries[-2].thought is not None
    if ended:
        entries = entries[:-1]
        report.skip(AFTER_THE_END)
    metadata: dict[str, JSON] = {"task_type": task_type(run.task), "file": file}
    return Trajectory(
        id=name,
        instruction=run.task,
        steps=tuple(Step(entry.observation, entry.action, entry.thought) for entry in entries),
        final_observation=last.observation if ended else None,
        source={"kind": "recorded"},
        outcome={"success": True} if ended else None,
        metadata={key: value for key, value in metadata.items() if value is not None},
    )
