"""What goes over the wire in answers: models that OpenAPI is made from. Answers may hold further fields."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from indexing.store.catalog import GenerationState
from indexing.store.jobs import JobState
from service.schemas import Strategy

Count = Annotated[int, Field(ge=0)]


class ResponseModel(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(protected_namespaces=())


class FieldError(ResponseModel):
    """One field that can't be accepted."""

    field: str = Field(description="Dotted path, e.g. `limits.total`; empty for the body as a whole.")
    detail: str


class Problem(ResponseModel):
    """An error, as RFC 9457 problem details."""

    type: str = Field(description="Stable: a URI reference, listed in docs/problems.md.")
    title: str
    status: int
    detail: str = Field(description="What is wrong with this request, and what to do.")
    field: str | None = Field(default=None, description="The first field to blame.")
    errors: list[FieldError] | None = None
    request_id: str | None = Field(
        default=None, description="The request's `X-Request-ID`, which stands in the service's log too."
    )


class StepOut(ResponseModel):
    """One step of a stored trajectory."""

    observation: str
    action: str
    thought: str | None = None


class TrajectoryOut(ResponseModel):
    """A stored trajectory; what it doesn't have is left out."""

    id: str
    instruction: str
    steps: list[StepOut]
    final_observation: str | None = None
    source: dict[str, Any] | None = None
    outcome: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class DocumentOut(ResponseModel):
    """A stored document; what it doesn't have is left out."""

    id: str
    title: str
    text: str
    url: str | None = None
    metadata: dict[str, Any] | None = None


class TrajectoryPage(ResponseModel):
    """Some trajectories in the order of their ids; send `next_cursor` for those that follow."""

    trajectories: list[TrajectoryOut]
    next_cursor: str | None


class DocumentPage(ResponseModel):
    """Some documents in the order of their ids; send `next_cursor` for those that follow."""

    documents: list[DocumentOut]
    next_cursor: str | None


class Rejected(ResponseModel):
    """A line (or item of an array, from 1) that is no record."""

    line: Annotated[int, Field(ge=1)]
    error: str


class BulkReport(ResponseModel):
    """What became of the records sent: the counts and `rejected_total` add up to the lines."""

    accepted: Count = Field(description="New ones.")
    updated: Count
    unchanged: Count
    rejected: list[Rejected] = Field(description="The first 10,000.")
    rejected_total: Count


class Counts(ResponseModel):
    """Records of a collection. `delta`: served from memory, not from the generation; null if not loaded."""

    trajectories: Count
    documents: Count
    delta: Count | None


class GenerationOut(ResponseModel):
    """One build of a collection's indexes, of the records as they stood at `sequence`."""

    id: str
    state: GenerationState
    sequence: Count
    created_at: float
    settings: dict[str, Any] = Field(description="What it was built with.")
    bytes: Count = Field(description="Of its files on the disk.")


class CollectionOut(ResponseModel):
    """A collection. `generation` is the served one; times are seconds since the epoch."""

    name: str
    settings: dict[str, Any]
    counts: Counts
    generation: str | None
    sequence: Count = Field(description="The number of its last change.")
    created_at: float
    generations: list[GenerationOut] = Field(description="Newest first.")


class CollectionList(ResponseModel):
    """All collections by name."""

    collections: list[CollectionOut]


class RollbackOut(ResponseModel):
    """The generation that is served now."""

    generation: str


class JobProgress(ResponseModel):
    """How far a job is. `rate` is in units a second; both it and the time left are null when unknown."""

    stage: str
    done: Count
    total: Count | None
    rate: float | None
    seconds_left: float | None


class JobOut(ResponseModel):
    """A piece of long work."""

    id: str
    kind: str
    collection: str | None
    state: JobState
    request: dict[str, Any]
    progress: JobProgress
    error: str | None
    attempt: Count = Field(description="How often it was begun; one whose process ended is begun again.")
    result: dict[str, Any] | None = Field(
        description="Of a dry run: how the new generation's answers compare with the served one's."
    )
    created_at: float
    started_at: float | None
    finished_at: float | None


class JobList(ResponseModel):
    """The newest jobs, newest first."""

    jobs: list[JobOut]


class Alive(ResponseModel):
    """The process answers."""

    status: Literal["alive"]
    version: str


class Ready(ResponseModel):
    """A real embedding and a real search have gone through."""

    status: Literal["ready"]
    probe_ms: float
    collections: Count | None = Field(description="null where callers need a key: this call needs none.")


class QueryOut(ResponseModel):
    """A text that the model channel searched with, and who wrote it."""

    text: str
    writer: Literal["model", "agent", "template"]


class ShownStep(ResponseModel):
    """A step of a demonstration; `index` counts from 0 in the stored record."""

    index: Count
    observation: str
    action: str
    thought: str | None
    truncated: bool | None = Field(default=None, description="True where the observation was cut to fit.")


class Match(ResponseModel):
    """How a demonstration compares with the situation."""

    kind: str
    step: Count | None = Field(description="Index of the aligned step; null where nothing is aligned.")
    score: float


class DemonstrationOut(ResponseModel):
    """What the agent gets of one trajectory."""

    rank: Annotated[int, Field(ge=1)]
    id: str
    instruction: str
    steps: list[ShownStep]
    final_observation: str | None
    channel: str
    match: Match
    next_action: str | None
    tokens: Count
    outcome: dict[str, Any]
    source: dict[str, Any]
    metadata: dict[str, Any]


class DocumentHitOut(ResponseModel):
    """A document that matches."""

    rank: Annotated[int, Field(ge=1)]
    id: str
    title: str
    text: str
    score: float
    tokens: Count
    truncated: bool | None = Field(default=None, description="True where only a passage is shown.")


class AnswerOut(ResponseModel):
    """The answer to one retrieval."""

    collection: str
    generation: str
    strategy: Strategy
    queries: list[QueryOut]
    demonstrations: list[DemonstrationOut]
    documents: list[DocumentHitOut]
    prompt: str | None = Field(description="The text for the agent's prompt, when `render` was asked.")
    tokens: Count = Field(description="Of the rendered text, also when it wasn't asked for.")
    keep: list[str] = Field(description="Ids already shown in this episode and still the best to go by.")
    degraded: list[str] = Field(description="What the answer had to do without.")
    timings_ms: dict[str, float] = Field(
        description="Milliseconds: writing `queries`, `wait` for a thread, `search`, `assemble`; `total`."
    )
