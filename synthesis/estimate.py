"""What a run may cost, before anything is paid: calls and tokens at the most."""

from __future__ import annotations

from collections.abc import Sequence

from indexing.records import JSON, Document
from synthesis.budget import estimated_tokens
from synthesis.documents import split
from synthesis.plan import Plan

ACTING, TELLING, JUDGING = 2_500, 6_000, 6_500
"""Tokens of a prompt and its answer, generous: a step's, a construction's, a judgement's."""


def estimate(plan: Plan, documents: Sequence[Document]) -> dict[str, JSON]:
    """Upper bounds: every rollout takes every step it may. What must be asked for again isn't in them."""
    passages = [one for document in documents for one in split(document, plan.passage_characters)]
    rollouts = len(passages) * plan.each if documents else len(plan.tasks)
    steps = rollouts * plan.step_limit
    every = plan.step_limit * (plan.step_limit + 1) // 2
    spans = rollouts * (every if plan.spans is None else min(plan.spans, every))
    examples = spans * len(plan.constructions)
    judged = (examples + rollouts * plan.originals) * len(plan.judges)
    writing = sum(estimated_tokens(passage.text) + 1_500 for passage in passages)
    return {
        "documents": len(documents),
        "passages": len(passages),
        "rollouts": rollouts,
        "steps": steps,
        "spans": spans,
        "examples": examples,
        "calls": len(passages) + steps + examples + judged,
        "tokens": writing + steps * ACTING + examples * TELLING + judged * JUDGING,
    }
