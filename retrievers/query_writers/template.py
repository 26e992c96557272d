"""The query that needs no model: what is wanted, what was just done, what is seen."""

from __future__ import annotations

from retrievers.query_writers.base import Written
from retrievers.query_writers.text import brief
from retrievers.situation import Query, Situation

INSTRUCTION_CHARS = 240
ACTION_CHARS = 60
OBSERVATION_CHARS = 240
LAST_ACTIONS = 2


def template_query(situation: Situation) -> str:
    """Instruction, last two actions and the beginning of the observation, a line each; "" without any.

    Short, because it is embedded while the agent waits: about 120 tokens of a page of text.

    >>> template_query(Situation("Set my time zone to UTC", observation="Profile   Language  Time zone"))
    'Set my time zone to UTC\\nProfile Language Time zone'
    """
    actions = (brief(step.action, ACTION_CHARS) for step in situation.history[-LAST_ACTIONS:])
    lines = (
        brief(situation.instruction or "", INSTRUCTION_CHARS),
        "; ".join(action for action in actions if action),
        brief(situation.observation or "", OBSERVATION_CHARS),
    )
    return "\n".join(line for line in lines if line)


class TemplateWriter:
    """Writes the template's query. It has nothing to fail with."""

    async def write(self, situation: Situation, deadline: float) -> Written:  # noqa: ARG002
        """The template's query."""
        return from_template(situation)


def from_template(situation: Situation, *degraded: str) -> Written:
    """The template's query, and why it stands in for another."""
    text = template_query(situation)
    return Written((Query(text, "template"),) if text else (), degraded)
