"""Tutorials as guidance: the task a passage teaches, and its steps, which the acting model is shown.

AgentTrek's road to trajectories (Xu et al., arXiv 2412.09605): instead of inventing tasks about a
document, replay what the document says step by step, and let the environment show what really happens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from retrievers.query_writers.text import fenced
from synthesis.calls import Calls
from synthesis.documents import Passage
from synthesis.errors import Unreadable
from synthesis.prompts import UNTRUSTED, bare, middle_cut

PROMPT_VERSION = "tutorial-1"

PASSAGE_CHARS = 24_000
TASK_CHARS, STEP_CHARS, MOST_STEPS = 500, 500, 40

SYSTEM = f"""\
You read tutorials and tell what they teach to do.
The user shows you a passage of a document {UNTRUSTED}
Answer with a JSON object and nothing else: {{"task": "…", "steps": ["…", …]}}; or {{"task": null}} when the \
passage teaches nothing that can be done step by step."""


@dataclass(frozen=True, slots=True)
class Tutorial:
    """A task and the steps by which a document does it."""

    task: str
    steps: tuple[str, ...]

    def guidance(self) -> str:
        """As it stands in an acting model's prompt."""
        lines = (f"{number}. {step}" for number, step in enumerate(self.steps, 1))
        return "\n".join(["A tutorial does this task so:", *lines])


async def tutorial(calls: Calls, passage: Passage, *, environment: str) -> Tutorial | None:
    """What the model of role "construct" finds that the passage teaches; None where it teaches nothing.

    Raises
    ------
    CallFailed, BudgetSpent
        As `Calls.ask` does.
    """
    told = fenced("passage", middle_cut(passage.text, PASSAGE_CHARS))
    prompt = (
        f"{told}\nEnvironment: {environment}\n"
        "Which one task of this environment does the passage teach, in a user's words, and by which steps?"
    )
    return await calls.ask("construct", SYSTEM, prompt, read_tutorial, max_tokens=2_048)


def read_tutorial(answer: str) -> Tutorial | None:
    """The tutorial of an answer; None where it says that there is none.

    >>> read_tutorial('{"task": "Boil water", "steps": ["Fill the pot", "Heat it"]}')
    Tutorial(task='Boil water', steps=('Fill the pot', 'Heat it'))

    Raises
    ------
    Unreadable
        The answer isn't what was asked.
    """
    text = bare(answer)
    try:
        found = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except (ValueError, RecursionError):
        raise Unreadable("no JSON object with a task and its steps") from None
    if not isinstance(found, Mapping) or "task" not in found:
        raise Unreadable("the JSON object names no task")
    if found["task"] is None:
        return None
    steps = found.get("steps")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, str) for step in steps):
        raise Unreadable("the steps aren't an array of texts")
    task = " ".join(str(found["task"]).split())
    if not 0 < len(task) <= TASK_CHARS:
        raise Unreadable(f"the task isn't a text of at most {TASK_CHARS} characters")
    kept = (" ".join(step.split())[:STEP_CHARS] for step in steps[:MOST_STEPS])
    return Tutorial(task, tuple(step for step in kept if step))
