"""What an agent sends: the situation it is in, as one immutable value."""

from __future__ import annotations

from dataclasses import dataclass

from indexing.records import Step


@dataclass(frozen=True, slots=True)
class Situation:
    """Instruction, history and current observation (Algorithm 2's I, H and o).

    At least one of `instruction` and `observation` is given. An empty observation ("") is an
    observation; None is none.
    """

    instruction: str | None = None
    history: tuple[Step, ...] = ()
    observation: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A text to search the model channel with, and who wrote it: model, agent or template."""

    text: str
    writer: str
