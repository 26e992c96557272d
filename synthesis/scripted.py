"""Scripted models, honest about it: for checks of the pipeline where no strong model is.

`RuleSummariser` understands nothing. What it writes is true of the span, for it copies the span's own
words; how well it reads says nothing about any model.
"""

from __future__ import annotations

from retrievers.language_model import ModelUnavailable
from retrievers.query_writers.text import brief
from synthesis.construction import MOST_CHARS, QUESTIONS, REPLICATE
from synthesis.prompts import Told, told_in

NAMED_ACTIONS, NAMED_CHARS = 6, 80
CHANGES_CHARS = 200


class RuleSummariser:
    """A language model that answers the prompts of `synthesis.construction` by rule, and no others."""

    def __init__(self, name: str = "rule-summariser") -> None:
        self.name = name

    async def complete(self, system: str, prompt: str, *, max_tokens: int, timeout_s: float) -> str:  # noqa: ARG002
        """The instruction that is asked for; refuses whatever isn't a construction prompt."""
        told = told_in(prompt)
        if told.actions and prompt.endswith(QUESTIONS["abstraction"]):
            return abstraction(told)
        if told.actions and prompt.endswith(QUESTIONS["summary"]):
            return summary(told)
        raise ModelUnavailable("refused", f"{self.name} only answers construction prompts")

    async def aclose(self) -> None:
        """Nothing to give back."""


def abstraction(told: Told) -> str:
    """The actions in a row, the middle ones left out where they are many.

    >>> abstraction(Told({}, {1: "take cup", 2: "go to sink", 3: "put cup in sink"}))
    'Do: take cup; go to sink; put cup in sink'
    """
    done = [brief(action, NAMED_CHARS) or "nothing" for action in told.actions.values()]
    if len(done) > NAMED_ACTIONS:
        half = NAMED_ACTIONS // 2
        done = [*done[:half], f"… ({max(told.actions) - NAMED_ACTIONS} more)", *done[-half:]]
    return f"Do: {'; '.join(done)}"


def summary(told: Told) -> str:
    """Each action with what is seen after it and wasn't before, bounded as a summary is."""
    share = min((MOST_CHARS["summary"] - len(REPLICATE)) // (len(told.actions) + 2) - 16, 2 * CHANGES_CHARS)
    seen = told.observations
    lines = [REPLICATE, f"At first: {brief(seen.get(0, ''), share) or 'nothing is seen'}"]
    for number, action in told.actions.items():
        done = brief(action, share // 2) or "nothing"
        change = news(seen.get(number - 1, ""), seen.get(number), share - len(done))
        lines.append(f"{number}. {done} → {change}")
    return "\n".join(lines)


def news(before: str, after: str | None, limit: int) -> str:
    """What of an observation is new since the one before, in short."""
    if after is None:
        return "not shown"
    if after == before:
        return "nothing changes"
    known = set(before.split("\n"))
    new = "; ".join(line.strip() for line in after.split("\n") if line.strip() and line not in known)
    return brief(new, limit) or "less is seen"
