"""Who acts in closed loop, named as what it is: a chooser without a language model, or a small model."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from evaluation.agents import Advice, Agent, Propose, choose
from evaluation.likelihood import SHOWN, LikelihoodAgent
from indexing.errors import InvalidInput, MissingExtra
from retrievers.situation import Situation

MAGIC = b"GGUF"
"""What a file of that format begins with."""

PLAIN = "a chooser without a language model"


@dataclass(frozen=True, slots=True)
class Actor:
    """An agent, what it is called and what can be learned from it."""

    name: str
    about: str
    act: Agent


CHOOSER = Actor(
    PLAIN,
    "Of the admissible actions it takes what the first demonstration whose advice fits did next. That "
    "shows whether advice fits and leads on to success; it doesn't show what a model would make of a "
    "prompt.",
    choose,
)


def checked_model(path: Path) -> Path:
    """A model's file that can be tried; raises InvalidInput, or MissingExtra without what reads it."""
    if not path.is_file():
        raise InvalidInput(f"--agent-model {path}: no such file; name a model in GGUF", "agent_model")
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise InvalidInput(f"--agent-model {path}: no GGUF file", "agent_model")
    if find_spec("gguf") is None:
        raise MissingExtra("reading a GGUF file takes the package gguf: pip install gguf")
    return path


def likely(path: Path) -> Actor:
    """The agent that takes what the model in a file finds likeliest.

    Raises
    ------
    InvalidInput
        The file holds no model that can be read.
    """
    try:
        agent = LikelihoodAgent(checked_model(path))
    except (ValueError, KeyError, IndexError, OSError, struct.error) as error:
        raise InvalidInput(f"--agent-model {path} can't be read: {error}", "agent_model") from error
    return Actor(
        f"the likelihood of {path.name}",
        "It takes the admissible action that this language model finds likeliest to come next, with up to "
        f"{SHOWN} demonstrations in its prompt: in-context learning in miniature. That says nothing about "
        "what a larger model would do.",
        agent,
    )


def borrowed(closing: str | None) -> Propose:
    """Actions where the environment can't tell which there are: what demonstrations did, word for word.

    `closing` is the action that ends an episode there; it may always be taken.
    """

    def propose(situation: Situation, advised: Sequence[Advice]) -> list[str]:  # noqa: ARG001
        return list(dict.fromkeys([*(one.action for one in advised), *([closing] if closing else [])]))

    return propose
