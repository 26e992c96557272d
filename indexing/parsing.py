"""From what a client sent to records, or to one clear sentence about what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, from_json

from indexing.errors import InvalidRecord
from indexing.records import MAX_ID_LENGTH, Document, Record, Step, Trajectory, content_id, to_fields

MAX_DEPTH = 64
"""Deepest nesting of JSON that a record may have."""

NOT_BLANK = r"\S"


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("contains NUL (\\u0000), which no store keeps; remove it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("contains a lone surrogate, which is not text; remove it") from None
    return text


def check_json(value: Any, depth: int = 1) -> Any:
    """Raise ValueError for a JSON value that can't be kept: too deep, NUL, surrogates, NaN."""
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels; flatten it")
    if isinstance(value, str):
        _no_nul(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            _no_nul(key)
            check_json(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_json(item, depth + 1)
    elif isinstance(value, float) and not abs(value) < float("inf"):
        raise ValueError("NaN and infinity are not JSON; send null or a number")
    return value


Text = Annotated[str, AfterValidator(_no_nul)]
Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_ID_LENGTH), AfterValidator(_no_nul)
]
Words = Annotated[str, StringConstraints(min_length=1, pattern=NOT_BLANK), AfterValidator(_no_nul)]
Metadata = Annotated[dict[str, Any], AfterValidator(check_json)]


def present(value: Any) -> Any:
    """An object without those of its fields that are null: null equals absent."""
    if isinstance(value, dict) and None in value.values():
        return {name: item for name, item in value.items() if item is not None}
    return value


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)

    _present = model_validator(mode="before")(present)


class StepIn(_Model):
    """One step: what was seen, then what was done."""

    observation: Text = Field(description="What was seen before the action.")
    action: Text
    thought: Text | None = None

    def to_step(self) -> Step:
        return Step(self.observation, self.action, self.thought)


class _Open(_Model):
    """An object with known fields; others are kept as they are."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _check(cls, value: Any) -> Any:
        return check_json(value)

    def to_fields(self) -> dict[str, Any]:
        return {name: value for name, value in self.model_dump().items() if value is not None}


class SourceIn(_Open):
    """Where a trajectory comes from."""

    kind: Literal["synthesized", "recorded", "human"] | None = None
    construction: Literal["original", "abstraction", "summary"] | None = None
    rollout: Text | None = None
    span: Annotated[list[Annotated[StrictInt, Field(ge=0)]], Field(min_length=2, max_length=2)] | None = None
    documents: list[Text] | None = None


class OutcomeIn(_Open):
    """How it ended."""

    success: StrictBool | None = None
    reward: StrictInt | StrictFloat | None = None


class TrajectoryIn(_Model):
    """One trajectory, as clients send it."""

    id: Identifier | None = Field(default=None, description="Default: a hash of the content.")
    instruction: Words
    steps: Annotated[list[StepIn], Field(min_length=1)]
    final_observation: Text | None = Field(default=None, description="What was seen after the last action.")
    source: SourceIn | None = None
    outcome: OutcomeIn | None = None
    metadata: Metadata | None = None

    def to_record(self) -> Trajectory:
        record = Trajectory(
            id=self.id or "",
            instruction=self.instruction,
            steps=tuple(step.to_step() for step in self.steps),
            final_observation=self.final_observation,
            source=(self.source.to_fields() or None) if self.source else None,
            outcome=(self.outcome.to_fields() or None) if self.outcome else None,
            metadata=self.metadata,
        )
        return with_id(record)


class DocumentIn(_Model):
    """One document, as clients send it."""

    id: Identifier | None = Field(default=None, description="Default: a hash of the content.")
    title: Text | None = None
    text: Words
    url: Text | None = None
    metadata: Metadata | None = None

    def to_record(self) -> Document:
        return with_id(Document(self.id or "", self.title or "", self.text, self.url, self.metadata))


R = TypeVar("R", Trajectory, Document)


def with_id(record: R) -> R:
    """The record itself, or with its content's id where it has none."""
    return record if record.id else replace(record, id=content_id(to_fields(record)))


MODELS: Mapping[type[Record], type[TrajectoryIn] | type[DocumentIn]] = {
    Trajectory: TrajectoryIn,
    Document: DocumentIn,
}


def told(fault: ErrorDetails) -> str:
    """What is wrong with a field, in words for who sent it."""
    match fault["type"]:
        case "extra_forbidden":
            return "unknown field; correct or drop it"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be a JSON object"
        case "string_pattern_mismatch" if fault["ctx"]["pattern"] == NOT_BLANK:
            return "must not be blank"
    return fault["msg"].removeprefix("Value error, ")


def describe(error: ValidationError) -> str:
    """The first problems of a validation error in one line: field paths and what is wrong there."""
    problems = []
    for problem in error.errors(include_url=False, include_input=False)[:3]:
        path = ".".join(str(part) for part in problem["loc"]) or "record"
        problems.append(f"{path}: {told(problem)}")
    more = error.error_count() - len(problems)
    return "; ".join(problems) + (f"; and {more} more" if more > 0 else "")


def parse_value(value: Any, kind: type[R]) -> R:
    """A record from a decoded JSON value.

    Raises
    ------
    InvalidRecord
        With the field's path and what to do.
    """
    try:
        return MODELS[kind].model_validate(value).to_record()  # type: ignore[return-value]
    except ValidationError as error:
        raise InvalidRecord(describe(error)) from None
    except RecursionError:
        raise InvalidRecord(f"record: nested deeper than {MAX_DEPTH} levels; flatten it") from None


def parse_line(line: bytes | str, kind: type[R]) -> R:
    """A record from one line of NDJSON; raises InvalidRecord as `parse_value` does."""
    return parse_value(decode(line), kind)


def decode(text: bytes | str) -> Any:
    """Strict JSON: no NaN, no lone surrogates, integers exact. Raises InvalidRecord."""
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRecord(f"not JSON: {error}") from None
