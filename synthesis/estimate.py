"""What a run may cost, before anything is paid: calls, tokens and money at the most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexing.records import JSON, Document
from synthesis.budget import FREE, Charge, Price, estimated_tokens
from synthesis.construction import MOST_TOKENS
from synthesis.documents import split
from synthesis.instructions import TOKENS_EACH, TOKENS_LEAST
from synthesis.plan import Plan
from synthesis.showing import TOKENS as SHOWN

ACTING, TELLING, JUDGING = 2_400, 4_500, 5_500
"""Tokens of a prompt, generous: a step's without demonstrations, a construction's, a judgement's."""
WRITING = 500
"""Tokens of what stands around a passage."""
ACTION_TOKENS, TUTORIAL_TOKENS, VOTE_TOKENS, SCORE_TOKENS = 128, 2_048, 1_024, 16
"""The most that is answered."""


@dataclass(frozen=True, slots=True)
class Work:
    """Calls of one role, each with the tokens of its prompt and of its answer."""

    role: str
    calls: int
    tokens_in: int
    tokens_out: int

    def charge(self, price: Price) -> Charge:
        """What all of them come to."""
        tokens_in, tokens_out = self.calls * self.tokens_in, self.calls * self.tokens_out
        return Charge(self.calls, tokens_in, tokens_out, price.of(tokens_in, tokens_out))


def estimate(
    plan: Plan, documents: Sequence[Document], prices: Mapping[str, Price] | None = None
) -> dict[str, JSON]:
    """Upper bounds: every rollout takes every step it may. What must be asked for again isn't in them.

    With `prices` there is a `cost`.
    """
    read = [] if plan.road == "explore" else documents
    passages = [one for document in read for one in split(document, plan.passage_characters)]
    attempts = 1 if plan.road == "tutorial" else plan.each
    rollouts = len(passages) * attempts if read else len(plan.tasks)
    every = plan.step_limit * (plan.step_limit + 1) // 2
    spans = rollouts * (every if plan.spans is None else min(plan.spans, every))
    examples = spans * len(plan.constructions)
    works = [
        *_writing(plan, [estimated_tokens(passage.text) for passage in passages]),
        *_acting(plan, rollouts),
        *(Work("construct", spans, TELLING, MOST_TOKENS[kind]) for kind in plan.constructions),
        *_judging(plan, examples, rollouts),
    ]
    charges = [work.charge((prices or {}).get(work.role, FREE)) for work in works]
    most = sum(charges, Charge())
    found: dict[str, JSON] = {
        "documents": len(read),
        "passages": len(passages),
        "rollouts": rollouts,
        "steps": rollouts * plan.step_limit,
        "spans": spans,
        "examples": examples,
        "calls": most.calls,
        "tokens": most.tokens_in + most.tokens_out,
    }
    return found | ({"cost": round(most.cost, 6)} if prices else {})


def _writing(plan: Plan, passages: Sequence[int]) -> list[Work]:
    answer = TUTORIAL_TOKENS if plan.road == "tutorial" else max(TOKENS_LEAST, TOKENS_EACH * plan.each)
    return [Work("construct", 1, tokens + WRITING, answer) for tokens in passages]


def _acting(plan: Plan, rollouts: int) -> list[Work]:
    """Nobody is asked where an expert acts, or an explorer."""
    if plan.is_scripted or plan.road == "explore":
        return []
    guided = TUTORIAL_TOKENS if plan.road == "tutorial" else SHOWN if plan.demonstrations else 0
    return [Work("act", rollouts * plan.step_limit, ACTING + guided, ACTION_TOKENS)]


def _judging(plan: Plan, examples: int, rollouts: int) -> list[Work]:
    """Nobody is asked where a replay judges. What was explored has no instruction of its own to judge."""
    if plan.is_scripted:
        return []
    if plan.road == "explore":
        return [Work(judge, examples, JUDGING, SCORE_TOKENS) for judge in plan.judges]
    judged = examples + rollouts * plan.originals
    return [Work(judge, judged, JUDGING, VOTE_TOKENS) for judge in plan.judges]
