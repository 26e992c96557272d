"""Backward construction: a span of a rollout gets an instruction that it does fulfil.

What the rollout was meant for does not matter any more. An abstraction is a short goal; a summary
says what to replicate, observation by observation. The closing observation, which the paper's
pseudo-code loses and its prompts show, is in the prompt and in the record.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from indexing.errors import InvalidInput
from indexing.records import Step, Trajectory
from retrievers.query_writers.text import fenced, sound
from synthesis.calls import Calls
from synthesis.errors import Unreadable
from synthesis.prompts import UNTRUSTED, bare, telling
from synthesis.repeats import without_repeats
from synthesis.rollouts import Rollout
from synthesis.spans import Span, bucket

PROMPT_VERSION = "construct-1"

Construction: TypeAlias = Literal["abstraction", "summary"]
CONSTRUCTIONS: tuple[Construction, ...] = ("abstraction", "summary")

Pair: TypeAlias = Trajectory
"""An instruction and the steps that fulfil it, with where both come from in source and metadata."""

REPLICATE = "Replicate the following:"
MOST_CHARS: dict[Construction, int] = {"abstraction": 600, "summary": 4_000}
MOST_TOKENS: dict[Construction, int] = {"abstraction": 512, "summary": 2_048}

SYSTEM = f"""\
You are shown what an agent did and write the instruction that it fulfils.
The user shows you numbered observations and actions {UNTRUSTED}
Answer with the one instruction and nothing else."""

QUESTIONS: dict[Construction, str] = {
    "abstraction": (
        "Which one task, as a user would ask for it, is done by exactly these actions, from the first "
        "observation to the last? State the goal and not the steps, name the things it is about, and ask "
        f"for nothing that was not done. One line of at most {MOST_CHARS['abstraction']} characters."
    ),
    "summary": (
        f'Write an instruction that begins with "{REPLICATE}" and then tells in order what is observed '
        "and what each action changes, up to the last observation. Say nothing that was not seen or done. "
        f"At most {MOST_CHARS['summary']} characters."
    ),
}


async def construct(
    calls: Calls, rollout: Rollout, span: Span, kind: Construction, model: str | None = None
) -> Pair:
    """The span with an instruction of that kind, which the model of role "construct" writes.

    `model` is that model's name, kept as `constructed_by` beside the name of the model that acted.

    Raises
    ------
    CallFailed, BudgetSpent
        As `Calls.ask` does.
    InvalidInput
        A span that isn't within the rollout.
    """
    shown = piece(rollout, span)
    instruction = await calls.ask(
        "construct",
        SYSTEM,
        construction_prompt(shown, kind),
        READERS[kind],
        max_tokens=MOST_TOKENS[kind],
    )
    made_by = {"prompt_version": PROMPT_VERSION} | ({"constructed_by": model} if model else {})
    return _pair(rollout, span, kind, instruction, made_by)


def original(rollout: Rollout) -> Pair | None:
    """The whole rollout with its own instruction; None where it failed it or did nothing."""
    if not (rollout.success and rollout.actions):
        return None
    return _pair(rollout, Span(0, len(rollout.actions)), "original", rollout.instruction, {})


def piece(rollout: Rollout, span: Span) -> Trajectory:
    """The steps of a span without their repeats, and its closing observation, without an instruction."""
    if not 0 <= span.start < span.end <= len(rollout.actions):
        raise InvalidInput(
            f"no span {span.start}–{span.end} in a rollout of {len(rollout.actions)} actions", "span"
        )
    inside = range(span.start, span.end)
    steps = tuple(Step(sound(rollout.observations[at]), sound(rollout.actions[at])) for at in inside)
    return without_repeats(Trajectory("", "", steps, sound(rollout.observations[span.end])))


def _pair(
    rollout: Rollout,
    span: Span,
    kind: Construction | Literal["original"],
    instruction: str,
    made_by: dict[str, str],
) -> Pair:
    shown = piece(rollout, span)
    return Trajectory(
        id=f"{rollout.id}/{span.start}-{span.end}/{kind}",
        instruction=sound(instruction),
        steps=shown.steps,
        final_observation=shown.final_observation,
        source={
            "kind": "synthesized",
            "construction": kind,
            "rollout": rollout.id,
            "span": [span.start, span.end],
            "documents": list(rollout.documents),
            "instruction": sound(rollout.instruction),
        },
        outcome={"success": True, "reward": rollout.reward} if kind == "original" else None,
        metadata={
            "model": rollout.model,
            **made_by,
            "task": rollout.task,
            "variation": rollout.variation,
            "length": bucket(len(shown.steps)),
        },
    )


def construction_prompt(shown: Trajectory, kind: Construction) -> str:
    """What the model is shown of a span, fenced, and asked."""
    return f"{fenced('span', telling(shown))}\n{QUESTIONS[kind]}"


_LABEL = re.compile(r"[*_]*(?:the\s+)?(?:instruction|task|answer|summary)\s*:[*_]*\s*", re.IGNORECASE)
_ITEM = re.compile(r"(?:[-*+•]|\d{1,2}[.)])\s+")
_OPENING = re.compile(r"[\"'`*_“‘«]+")
_CLOSING = str.maketrans("“‘«", "”’»")
_REPLICATE = re.compile(r"^[^\w\n]{0,9}replicate the following\b[ :*_]*", re.IGNORECASE | re.MULTILINE)


def read_abstraction(answer: str) -> str:
    """The one instruction in an answer, undressed; raises Unreadable.

    >>> read_abstraction('Here is the instruction:\\n\\n**Task:** "Put the cup into the sink."')
    'Put the cup into the sink.'
    """
    lines = [" ".join(line.split()) for line in bare(answer).split("\n") if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):
        del lines[0]
    if len(lines) > 1:
        raise Unreadable(f"{len(lines)} lines where one instruction was asked for")
    return _checked(_undressed(lines[0]) if lines else "", "abstraction")


def read_summary(answer: str) -> str:
    """The summary in an answer, from "Replicate the following:" on, which is added where it lacks.

    Raises Unreadable.
    """
    text = bare(answer)
    if found := _REPLICATE.search(text):
        told = text[found.end() :]
    else:
        first, _, rest = text.partition("\n")
        told = rest if first.rstrip().endswith(":") and rest.strip() else text
    told = told.strip()
    told = told if "\n" in told else _undressed(told)
    _checked(told, "summary")
    return _checked(f"{REPLICATE} {told}", "summary")


def _undressed(line: str) -> str:
    """The line without the bullets, labels and quotes that models put around it."""
    while True:
        inner = _unquoted(line.strip())
        for prefix in (_ITEM, _LABEL):
            if found := prefix.match(inner):
                inner = inner[found.end() :]
        if inner == line:
            return line
        line = inner


def _unquoted(text: str) -> str:
    """The text without marks around the whole of it."""
    if opening := _OPENING.match(text):
        closing = opening[0][::-1].translate(_CLOSING)
        within = text[opening.end() : -len(closing)]
        if text.endswith(closing) and opening[0] not in within and closing not in within:
            return within
    return text


def _checked(instruction: str, kind: Construction) -> str:
    if not any(map(str.isalnum, instruction)):
        raise Unreadable("an instruction without words")
    if len(instruction) > MOST_CHARS[kind]:
        raise Unreadable(f"{len(instruction)} characters where {MOST_CHARS[kind]} is the most")
    return instruction


READERS = {"abstraction": read_abstraction, "summary": read_summary}
