"""The seam to real environments: start a task, act, see what comes of it.

An adapter each stands behind it, in the module named after it (`environments.scienceworld`, …).
Observations are text, made so that one of them alone tells an agent where it stands: what the last
action brought, what is around, what it carries. Nothing volatile is in them (no step counts, no
scores, no clock), so the same state of the world reads the same in every episode.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

EXTRA = "pip install 'precedent[environments]'"


@dataclass(frozen=True, slots=True)
class Task:
    """One task of an environment; `variation` picks the instance (its number or its seed)."""

    name: str
    variation: int = 0


@dataclass(frozen=True, slots=True)
class Start:
    """What an episode begins with: what to do, and what is seen before the first action."""

    instruction: str
    observation: str


@dataclass(frozen=True, slots=True)
class StepResult:
    """What an action brought. `reward` is the episode's so far, from 0 to 1, as the environment says."""

    observation: str
    reward: float
    done: bool
    success: bool


class Environment(Protocol):
    """A text environment, one episode at a time."""

    def reset(self, task: Task) -> Start:
        """Begin an episode; raises UnknownTask."""
        ...

    def step(self, action: str) -> StepResult:
        """Act. An action that makes no sense is answered in the observation; raises NoEpisode."""
        ...

    def admissible_actions(self) -> Sequence[str] | None:
        """The actions that make sense now, sorted; None where the environment can't tell."""
        ...

    def close(self) -> None:
        """Give back what the environment holds; may be called twice."""
        ...


class Expert(Environment, Protocol):
    """An environment that also knows how its tasks are done."""

    def expert_actions(self) -> Iterator[str]:
        """The expert's actions for the episode just begun: take each before asking for the next."""
        ...
