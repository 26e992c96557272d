"""What goes over the wire in requests: the models that parse them, and that OpenAPI is made from."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import WithJsonSchema

from indexing.errors import InvalidFilter
from indexing.filters import MAX_ALTERNATIVES, MAX_CONDITIONS, Filter, parse_filter
from indexing.parsing import Identifier, Metadata, StepIn, Text, check_json, present
from indexing.records import COLLECTION_NAME
from retrievers.requests import Limits
from retrievers.situation import Situation

MAX_HISTORY = 10_000
MAX_QUERIES = 32
MAX_QUERY = 10_000
MAX_EXCLUDED = 100_000
MAX_LIMIT = 1_000
MAX_TOKENS = 1_000_000
MAX_DEADLINE_MS = 600_000
DEADLINE_MS = 2_000

Strategy: TypeAlias = Literal[
    "agentic", "paper", "observation", "model", "instruction", "documents", "random"
]

_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_BOUND = {"type": ["string", "number"]}
_RANGE = {
    "type": "object",
    "properties": {"gte": _BOUND, "lte": _BOUND},
    "minProperties": 1,
    "additionalProperties": False,
}
_FILTER_SCHEMA = {
    "type": "object",
    "maxProperties": MAX_CONDITIONS,
    "additionalProperties": {
        "anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "maxItems": MAX_ALTERNATIVES}, _RANGE]
    },
    "description": "A key is a dotted path into `metadata`, or one of `outcome.*`, `source.*`; a value is a "
    'scalar (equals), a list (any of), or `{"gte": …, "lte": …}` with numbers or with texts.',
    "examples": [{"site": "gitlab", "outcome.success": True}],
}


class RequestModel(BaseModel):
    """Unknown fields are refused; types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class Absentable(RequestModel):
    """A request model in which null equals absent."""

    _present = model_validator(mode="before")(present)


def _whole(value: Any) -> Any:
    """5.0 is an integer in JSON, as 5 is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Limit = Annotated[int, Field(ge=0, le=MAX_LIMIT), BeforeValidator(_whole)]


def or_default(value: Any) -> BeforeValidator:
    """An empty query parameter is none: `?limit=` is what a client makes of a `limit` that is null."""
    return BeforeValidator(lambda given: value if given == "" else given)


def _nullable(schema: dict[str, Any]) -> None:
    """Tell in the schema that null equals absent, for every field that may be absent."""
    for name, field in schema.get("properties", {}).items():
        if name not in schema.get("required", ()) and "null" not in str(field.get("anyOf", "")):
            described = {
                key: field.pop(key) for key in ("title", "description", "default", "examples") if key in field
            }
            schema["properties"][name] = {"anyOf": [field, {"type": "null"}], **described}


class LimitsIn(Absentable):
    """The most that an answer may hold. `total` cuts the ordered list of demonstrations."""

    model_config = ConfigDict(json_schema_extra=_nullable)

    observation: Limit = 5
    model: Limit = 5
    total: Limit = 10
    documents: Limit = 10
    tokens: Annotated[int, Field(ge=0, le=MAX_TOKENS), BeforeValidator(_whole)] = 4000

    def to_limits(self) -> Limits:
        return Limits(self.observation, self.model, self.total, self.documents, self.tokens)


def _describe_retrieve(schema: dict[str, Any]) -> None:
    _nullable(schema)
    given = {"instruction": {"type": "string", "pattern": r"\S"}, "observation": {"type": "string"}}
    schema["anyOf"] = [{"required": [name], "properties": {name: one}} for name, one in given.items()]


class RetrieveIn(Absentable):
    """What an agent sends in the middle of an episode: `instruction`, `observation` or both are needed."""

    model_config = ConfigDict(json_schema_extra=_describe_retrieve)

    collection: Annotated[str, StringConstraints(pattern=COLLECTION_NAME)]
    instruction: Text | None = None
    observation: Text | None = Field(
        default=None, validate_default=True, description="What the agent sees now."
    )
    history: Annotated[list[StepIn], Field(max_length=MAX_HISTORY)] = []
    strategy: Strategy = "agentic"
    queries: Annotated[
        list[Annotated[Text, StringConstraints(max_length=MAX_QUERY)]],
        Field(max_length=MAX_QUERIES, description="The agent's own queries; they replace the written one."),
    ] = []
    limits: LimitsIn = Field(default_factory=LimitsIn)
    deadline_ms: Annotated[int, Field(ge=1, le=MAX_DEADLINE_MS), BeforeValidator(_whole)] = DEADLINE_MS
    filter: Annotated[dict[str, Any], AfterValidator(check_json), WithJsonSchema(_FILTER_SCHEMA)] = {}
    exclude: Annotated[
        list[Text], Field(max_length=MAX_EXCLUDED, description="Ids of trajectories the agent already has.")
    ] = []
    episode: Annotated[
        Identifier | None,
        Field(description="An id of the caller's: nothing already shown in this episode is shown again."),
    ] = None
    render: Literal["text"] | None = None

    @field_validator("observation")
    @classmethod
    def _has_situation(cls, observation: str | None, found: ValidationInfo) -> str | None:
        missing = "instruction" in found.data and not _unless_blank(found.data["instruction"])
        if observation is None and missing:
            raise ValueError("instruction or observation is needed: say what is to be done, or what is seen")
        return observation

    def situation(self) -> Situation:
        history = tuple(step.to_step() for step in self.history)
        return Situation(_unless_blank(self.instruction), history, self.observation)

    def conditions(self) -> Filter:
        """The filter; raises InvalidFilter, `field` being the path below `filter`."""
        try:
            return parse_filter(self.filter)
        except InvalidFilter as error:
            raise InvalidFilter(str(error), (error.field or "filter")[:200]) from None


def _unless_blank(text: str | None) -> str | None:
    return text if text and not text.isspace() else None


class SettingsIn(Absentable):
    """Settings of a collection to be changed; null leaves one as it is."""

    environment: Annotated[Text, StringConstraints(max_length=1_000)] | None = None
    embedder: Annotated[Text, StringConstraints(min_length=1, max_length=1_000)] | None = Field(
        default=None, description="The default, `hashing-N`, or one that the operator allows."
    )
    observation_normalizer: Text | Metadata | None = Field(
        default=None, description="`verbatim`, `text`, `html`, `axtree`, `shell`, or one of these with masks."
    )
    tokenizer: Annotated[Text, StringConstraints(min_length=1, max_length=1_000)] | None = Field(
        default=None, description="What `tokens` counts with: `minilm`, `words`, or one the operator allows."
    )
    documents_engine: Literal["rank-bm25", "dense"] | None = None

    def changes(self) -> dict[str, Any]:
        """The settings that were sent."""
        return self.model_dump(exclude_unset=True, include=set(SettingsIn.model_fields))


class ReindexIn(SettingsIn):
    """Settings to change with a new generation, and whether it is only tried."""

    dry_run: bool | None = Field(
        default=None,
        description="Build and compare only: the job's `result` tells how its answers differ, "
        "and the served generation stays.",
    )
