"""Rollouts: what came of a model that tried an instruction in an environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rollout:
    """o0, a1, o1, …, an, on: n actions and n + 1 observations.

    It may have failed its instruction, for what it did do is named afterwards. `ended` says why it is
    over: "done", "steps", "no action" or "stalled".
    """

    id: str
    instruction: str
    actions: tuple[str, ...]
    observations: tuple[str, ...]
    task: str
    variation: int
    documents: tuple[str, ...]
    model: str
    success: bool
    reward: float
    ended: str

    @classmethod
    def of(cls, **fields: Any) -> Rollout:
        """A rollout from its JSON object."""
        lists: Mapping[str, tuple[str, ...]] = {
            name: tuple(fields[name]) for name in ("actions", "observations", "documents")
        }
        return cls(**{**fields, **lists})
