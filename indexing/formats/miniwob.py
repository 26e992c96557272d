"""MiniWoB++ human demonstrations: pages as readable text, mouse and key events as actions.

A demonstration is `{"taskName", "utterance", "rawReward", "states": [{"dom", "action"}]}`. State i
is the page right after event i, so what the person saw before acting is the state before it. Text
of a page is one line per element; `[12]` is the element's reference, by which actions name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from dialects.miniwob import page_text
from indexing.formats import ImportReport
from indexing.formats._files import iter_files, place
from indexing.formats._ids import Ids
from indexing.formats._miniwob_events import Act, State, merge
from indexing.formats._values import iter_objects, stem
from indexing.records import JSON, Step, Trajectory

NOT_A_DEMONSTRATION = "not a MiniWoB++ demonstration"
NO_INSTRUCTION = "no instruction"
NO_STATES = "no states"
NO_ACTION = "no action"
MAY_NEED_REPAIR = re.compile(rb"\\u|NaN|Infinity")


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A file as recorded."""

    utterance: str
    states: tuple[State, ...]
    task: Annotated[str | None, Field(alias="taskName")] = None
    reward: Annotated[float | None, Field(alias="rawReward", allow_inf_nan=False)] = None
    fields: dict[str, Any] | None = None


@cache
def _adapter() -> TypeAdapter[Demonstration]:
    return TypeAdapter(Demonstration)


def read(path: Path, report: ImportReport) -> Iterator[Trajectory]:
    """Read demonstrations from a JSON file, a folder or an archive laid out as `batch/task/file`."""
    ids = Ids()
    for name, content in iter_files(path, (".json",), report):
        *folders, file = place(path, stem(name), 3)
        for demonstration in _demonstrations(name, content, report):
            if missing := _missing(demonstration):
                report.skip(missing)
            elif acts := merge(demonstration.states, report):
                yield _trajectory(ids.unique("miniwob", *folders, file), demonstration, acts, folders, file)
            else:
                report.skip(NO_ACTION)


def _demonstrations(name: str, content: bytes, report: ImportReport) -> Iterator[Demonstration]:
    if clean := _clean(content):
        yield clean
        return
    for value in iter_objects(name, content, report):
        try:
            yield _adapter().validate_python(value)
        except ValidationError:
            report.skip(NOT_A_DEMONSTRATION)


def _clean(content: bytes) -> Demonstration | None:
    """The demonstration straight from its bytes, in half the time, where nothing needs repair."""
    if MAY_NEED_REPAIR.search(content):
        return None
    try:
        return _adapter().validate_json(content)
    except ValidationError:
        return None


def _missing(demonstration: Demonstration) -> str | None:
    if not demonstration.states:
        return NO_STATES
    return None if demonstration.utterance.strip() else NO_INSTRUCTION


def _trajectory(
    name: str, demonstration: Demonstration, acts: list[Act], folders: list[str], file: str
) -> Trajectory:
    metadata: dict[str, JSON] = {
        "task": demonstration.task or (folders[-1] if folders else None),
        "batch": folders[0] if len(folders) > 1 else None,
        "file": file,
        "fields": demonstration.fields,
    }
    reward = demonstration.reward
    return Trajectory(
        id=name,
        instruction=demonstration.utterance,
        steps=tuple(Step(page_text(act.page), act.text) for act in acts),
        final_observation=page_text(demonstration.states[-1].dom),
        source={"kind": "human"},
        outcome=None if reward is None else {"success": reward == 1, "reward": reward},
        metadata={key: value for key, value in metadata.items() if value is not None},
    )
