"""The records that Precedent keeps: trajectories, their steps, and documents.

Plain immutable values. `indexing.parsing` makes them from what a client sent and says what is
wrong with it; nothing here validates.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic_core import from_json, to_json

JSON: TypeAlias = Any
"""Any JSON value. Integers are exact, whatever their size."""

MAX_ID_LENGTH = 512
COLLECTION_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"


@dataclass(frozen=True, slots=True)
class Step:
    """What was seen, then what was done, and why if the actor said so."""

    observation: str
    action: str
    thought: str | None = None


@dataclass(frozen=True, slots=True)
class Trajectory:
    """An instruction, the steps taken for it, and how it ended."""

    id: str
    instruction: str
    steps: tuple[Step, ...]
    final_observation: str | None = None
    source: Mapping[str, JSON] | None = None
    outcome: Mapping[str, JSON] | None = None
    metadata: Mapping[str, JSON] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A text about the environment."""

    id: str
    title: str
    text: str
    url: str | None = None
    metadata: Mapping[str, JSON] | None = None


Record: TypeAlias = Trajectory | Document


def _step_fields(step: Step) -> dict[str, JSON]:
    fields = {"observation": step.observation, "action": step.action}
    if step.thought is not None:
        fields["thought"] = step.thought
    return fields


def to_fields(record: Record) -> dict[str, JSON]:
    """The record as a JSON object in the contract's field order; what is absent is left out."""
    optional: dict[str, JSON]
    if isinstance(record, Trajectory):
        fields: dict[str, JSON] = {
            "id": record.id,
            "instruction": record.instruction,
            "steps": [_step_fields(step) for step in record.steps],
        }
        optional = {
            "final_observation": record.final_observation,
            "source": record.source,
            "outcome": record.outcome,
            "metadata": record.metadata,
        }
    else:
        fields = {"id": record.id, "title": record.title, "text": record.text}
        optional = {"url": record.url, "metadata": record.metadata}
    return fields | {name: value for name, value in optional.items() if value is not None}


def to_bytes(record: Record) -> bytes:
    """The record as one line of JSON, UTF-8, no newline in it."""
    return to_json(to_fields(record))


def trajectory_from_bytes(body: bytes) -> Trajectory:
    """Inverse of `to_bytes` for what this package itself has written."""
    fields = from_json(body)
    steps = tuple(Step(s["observation"], s["action"], s.get("thought")) for s in fields.pop("steps"))
    return Trajectory(steps=steps, **fields)


def document_from_bytes(body: bytes) -> Document:
    """Inverse of `to_bytes` for what this package itself has written."""
    return Document(**from_json(body))


def content_digest(fields: Mapping[str, JSON]) -> str:
    """SHA-256 (64 hex digits) of a record's content: its fields without `id`, keys sorted.

    Null counts as absent, within metadata too, and an empty object as none.
    """
    content = {name: value for name, value in fields.items() if name != "id"}
    for name in ("source", "outcome", "metadata"):
        content[name] = _present(content.get(name))
    content = {name: value for name, value in content.items() if value not in (None, {})}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _present(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {name: _present(item) for name, item in value.items() if item is not None}
    return [_present(item) for item in value] if isinstance(value, list) else value


def content_id(fields: Mapping[str, JSON]) -> str:
    """The id of a record that came without one: the first 32 digits of its content's digest."""
    return content_digest(fields)[:32]
