"""The strategies by name: how candidates are found, ordered and cut. All take the same request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from retrievers.agentic import agentic
from retrievers.alignment import aligned
from retrievers.baselines import at_random, by_instruction
from retrievers.context import Context
from retrievers.model_channel import Degraded, by_meaning, by_queries
from retrievers.observation_channel import by_observation
from retrievers.requests import Candidate, Limits


def paper(context: Context, limits: Limits, degraded: Degraded) -> list[Candidate]:
    """Algorithm 2: m1 by observation, then m2 by the model's query, dense, that aren't among them."""
    seen = by_observation(context, limits.observation)
    known = {candidate.trajectory for candidate in seen}
    meant = by_meaning(context, limits.model + len(known), degraded) if limits.model else []
    fresh = [candidate for candidate in meant if candidate.trajectory not in known]
    return (seen + fresh[: limits.model])[: limits.total]


def observation(context: Context, limits: Limits, degraded: Degraded) -> list[Candidate]:  # noqa: ARG001
    """The observation channel alone."""
    return by_observation(context, min(limits.observation, limits.total))


def model(context: Context, limits: Limits, degraded: Degraded) -> list[Candidate]:
    """The model channel alone, each trajectory aligned to the present step."""
    return aligned(context, by_queries(context, min(limits.model, limits.total), degraded))


def instruction(context: Context, limits: Limits, degraded: Degraded) -> list[Candidate]:
    """Plain RAG over trajectories."""
    return by_instruction(context, limits.total, degraded)


def random(context: Context, limits: Limits, degraded: Degraded) -> list[Candidate]:  # noqa: ARG001
    """Chance."""
    return at_random(context, limits.total)


def documents(context: Context, limits: Limits, degraded: Degraded) -> list[Candidate]:  # noqa: ARG001
    """Plain RAG over documents shows no trajectories."""
    return []


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a strategy ranks, whether it shows windows, and whether it wants a written query."""

    rank: Callable[[Context, Limits, Degraded], list[Candidate]]
    windowed: bool = False
    queries: bool = False
    documents: bool = False


STRATEGIES = {
    "agentic": Strategy(agentic, windowed=True, queries=True),
    "paper": Strategy(paper, queries=True),
    "observation": Strategy(observation, windowed=True),
    "model": Strategy(model, windowed=True, queries=True),
    "instruction": Strategy(instruction),
    "documents": Strategy(documents, documents=True),
    "random": Strategy(random),
}


def needs_query(strategy: str, limits: Limits) -> bool:
    """Whether a query has to be written for this strategy under these limits."""
    return STRATEGIES[strategy].queries and limits.model > 0 and limits.total > 0 and limits.tokens > 0
