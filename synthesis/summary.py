"""What a run has come to: the counts that it is judged by, and what it rejected."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields

from indexing.records import JSON


@dataclass
class Summary:
    """What a run has come to, as the paper's Table 1. `rejected` and `failed` count by reason."""

    documents: int = 0
    instructions: int = 0
    rollouts: int = 0
    steps: int = 0
    spans: int = 0
    examples: int = 0
    kept: int = 0
    by_construction: Counter[str] = field(default_factory=Counter)
    by_length: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    stopped: str | None = None

    def to_fields(self) -> dict[str, JSON]:
        """As a JSON object."""
        values = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in values}


@dataclass(frozen=True)
class Rejected:
    """What was not kept, and why: a pair with its verdict, or a task with the earlier one that it is like."""

    reason: str
    pair: dict[str, JSON] | None = None
    verdict: dict[str, JSON] | None = None
    task: dict[str, str] | None = None
