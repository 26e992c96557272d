"""What is asked of a strategy and what it answers: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from indexing.filters import Filter
from indexing.records import JSON, Step
from retrievers.situation import Query, Situation


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that an answer may hold: demonstrations by channel and in all, documents, tokens."""

    observation: int = 5
    model: int = 5
    total: int = 10
    documents: int = 10
    tokens: int = 4000


@dataclass(frozen=True, slots=True)
class Request:
    """One retrieval. `deadline` is a time.monotonic() instant; `shown` are ids this episode has seen."""

    situation: Situation
    strategy: str = "agentic"
    queries: tuple[Query, ...] = ()
    limits: Limits = field(default_factory=Limits)
    deadline: float | None = None
    conditions: Filter = ()
    exclude: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    render: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trajectory that a channel proposes, by its number in a snapshot.

    `position` is the aligned place (None where nothing is aligned); `kind` says how it was found and
    `score` how well in that kind's own scale.
    """

    trajectory: int
    position: int | None
    channel: str
    kind: str
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Shown:
    """A step as it is shown; `truncated` where its observation had to be cut to fit."""

    index: int
    step: Step
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the agent gets of one trajectory."""

    id: str
    instruction: str
    steps: tuple[Shown, ...]
    length: int
    final_observation: str | None
    channel: str
    kind: str
    step: int | None
    score: float
    next_action: str | None
    tokens: int
    outcome: Mapping[str, JSON]
    source: Mapping[str, JSON]
    metadata: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class DocumentHit:
    """A document that matches; `truncated` where only a passage of it is shown."""

    id: str
    title: str
    text: str
    score: float
    tokens: int
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request. `tokens` counts the rendered prompt, whether or not it was asked for.

    `candidates` are all that the strategy ranked, best first: what didn't fit into the budget too.
    """

    generation: str
    strategy: str
    queries: tuple[Query, ...] = ()
    demonstrations: tuple[Demonstration, ...] = ()
    documents: tuple[DocumentHit, ...] = ()
    prompt: str | None = None
    tokens: int = 0
    keep: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()

    def to_fields(self) -> dict[str, JSON]:
        """The answer as the contract's JSON object, without `collection`."""
        return {
            "generation": self.generation,
            "strategy": self.strategy,
            "queries": [{"text": query.text, "writer": query.writer} for query in self.queries],
            "demonstrations": [_demonstration(rank, one) for rank, one in enumerate(self.demonstrations, 1)],
            "documents": [_document(rank, one) for rank, one in enumerate(self.documents, 1)],
            "prompt": self.prompt,
            "tokens": self.tokens,
            "keep": list(self.keep),
            "degraded": list(self.degraded),
            "timings_ms": dict(self.timings_ms),
        }


def _demonstration(rank: int, one: Demonstration) -> dict[str, JSON]:
    return {
        "rank": rank,
        "id": one.id,
        "instruction": one.instruction,
        "steps": [_shown(shown) for shown in one.steps],
        "final_observation": one.final_observation,
        "channel": one.channel,
        "match": {"kind": one.kind, "step": one.step, "score": one.score},
        "next_action": one.next_action,
        "tokens": one.tokens,
        "outcome": one.outcome,
        "source": one.source,
        "metadata": one.metadata,
    }


def _document(rank: int, one: DocumentHit) -> dict[str, JSON]:
    fields: dict[str, JSON] = {
        "rank": rank,
        "id": one.id,
        "title": one.title,
        "text": one.text,
        "score": one.score,
        "tokens": one.tokens,
    }
    return fields | {"truncated": True} if one.truncated else fields


def _shown(shown: Shown) -> dict[str, JSON]:
    step = shown.step
    fields: dict[str, JSON] = {
        "index": shown.index,
        "observation": step.observation,
        "action": step.action,
        "thought": step.thought,
    }
    return fields | {"truncated": True} if shown.truncated else fields
