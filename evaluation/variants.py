"""What is compared: the strategies, and what is left of them when one part is taken away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from indexing.errors import InvalidInput
from indexing.snapshot import Snapshot
from retrievers.alignment import aligned
from retrievers.context import Context
from retrievers.model_channel import Degraded
from retrievers.observation_channel import by_observation
from retrievers.policy import POLICY
from retrievers.ranker import MODEL
from retrievers.requests import Candidate, Limits
from retrievers.strategies import STRATEGIES, Strategy

UNLIMITED = 1_000_000
"""Tokens of an answer where variants are matched by number."""


def _even(k: int) -> Limits:
    """Half of each channel, as Algorithm 2 has m1 and m2; the observation channel the odd one."""
    return Limits(observation=(k + 1) // 2, model=k // 2, total=k, tokens=UNLIMITED)


def _free(k: int) -> Limits:
    return Limits(observation=k, model=k, total=k, tokens=UNLIMITED)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of answering. `once`: asked at the first step of an episode only, and aligned at each.

    `depends_on_k`: what is first among ten may not be what is first among one, so that every k is
    asked for by itself.
    """

    name: str
    strategy: Strategy
    about: str
    limits: Callable[[int], Limits] = _free
    once: bool = False
    fitted: bool = True
    depends_on_k: bool = False
    by_tokens: bool = False

    def view(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot as this variant may see it."""
        if self.fitted or MODEL not in snapshot.learned:
            return snapshot
        return snapshot.derived("unfitted", lambda: _without_model(snapshot))


def _without_model(snapshot: Snapshot) -> Snapshot:
    return Snapshot(
        snapshot.generation,
        snapshot.settings,
        snapshot.analyzer,
        snapshot.trajectories,
        snapshot.documents,
        {name: found for name, found in snapshot.learned.items() if name not in (MODEL, POLICY)},
    )


def _kinds(*kinds: str) -> Callable[[Context, Limits, Degraded], list[Candidate]]:
    def rank(context: Context, limits: Limits, degraded: Degraded) -> list[Candidate]:  # noqa: ARG001
        found = by_observation(context, min(limits.observation, limits.total))
        return [candidate for candidate in found if candidate.kind in kinds]

    return rank


def _aligned_instruction(context: Context, limits: Limits, degraded: Degraded) -> list[Candidate]:
    return aligned(context, STRATEGIES["instruction"].rank(context, limits, degraded))


def _variants() -> Mapping[str, Variant]:
    own = STRATEGIES
    agentic = own["agentic"]
    found = (
        Variant("random", own["random"], "chance", by_tokens=True),
        Variant("documents", own["documents"], "plain RAG over documents: shows no actions"),
        Variant("instruction", own["instruction"], "plain RAG by instruction", by_tokens=True),
        Variant("observation-exact", Strategy(_kinds("exact"), windowed=True), "equal observations only"),
        Variant(
            "observation-normalized",
            Strategy(_kinds("exact", "normalized"), windowed=True),
            "observations that are equal after normalising only",
        ),
        Variant("observation", own["observation"], "equal observations, then BM25", by_tokens=True),
        Variant("model", own["model"], "the template's query, dense and lexical", by_tokens=True),
        Variant("paper", own["paper"], "Algorithm 2", _even, depends_on_k=True, by_tokens=True),
        Variant("agentic", agentic, "the fitted ranker", by_tokens=True),
        Variant("agentic-rule", agentic, "without a fitted ranker", fitted=False),
        Variant("agentic-once", agentic, "asked at the first step only", once=True),
        Variant("agentic-whole", replace(agentic, windowed=False), "shown whole", by_tokens=True),
        Variant(
            "instruction-window",
            Strategy(_aligned_instruction, windowed=True),
            "plain RAG, shown as a window around the aligned step",
            by_tokens=True,
        ),
    )
    return {variant.name: variant for variant in found}


VARIANTS = _variants()
PRIOR = "prior"
"""The commonest actions of the memory, whatever the situation: not retrieved at all."""

NAMES = (PRIOR, *VARIANTS)


def rows_each(names: Sequence[str], budgets: int) -> int:
    """How many rows a situation has in a comparison of these variants."""
    return sum(1 + budgets * (name in VARIANTS and VARIANTS[name].by_tokens) for name in set(names))


def chosen(names: tuple[str, ...] | None) -> tuple[str, ...]:
    """The variants of these names, all by default; raises InvalidInput that names those there are."""
    for name in names or ():
        if name not in NAMES:
            raise InvalidInput(f"no strategy {name!r}; choose among {', '.join(NAMES)}", "strategies")
    return names or NAMES
