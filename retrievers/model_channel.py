"""The model channel: trajectories near to written queries (Algorithm 2, line 2).

The paper has a dense retriever, over what trajectories were about: `by_meaning`. Ours also searches
by BM25 over instructions, actions and thoughts, and fuses the rankings by rank: `by_queries`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexing.engine import Hits
from indexing.errors import DeadlineExceeded
from indexing.terms import terms
from retrievers.context import QUERY_CHARACTERS, Context
from retrievers.fusion import reciprocal_rank_fusion
from retrievers.requests import Candidate

CHANNEL = "model"
DEPTH = 50
"""How deep each ranking is read."""

LATE = "embedding:deadline"
"""There was no time to embed: the answer does without dense search."""


class Degraded(list[str]):
    """Codes of what an answer did without."""

    def note(self, code: str) -> None:
        """Add a code, once."""
        if code not in self:
            self.append(code)


def by_queries(context: Context, k: int, degraded: Degraded, words: bool = True) -> list[Candidate]:
    """At most k trajectories, best first, with cosine or share of the best BM25 as their score.

    Without `words` by dense search alone.
    """
    if k <= 0:
        return []
    depth = max(DEPTH, 2 * k)
    rankings: list[Hits] = []
    scores: dict[int, tuple[str, float]] = {}
    for query in context.request.queries:
        if words:
            said = terms(query.text[:QUERY_CHARACTERS])
            lexical = context.snapshot.search_lexical("trajectory", said, depth, context.scope)
            best = float(lexical.scores[0]) if len(lexical) else 1.0
            for number, score in zip(lexical.numbers.tolist(), lexical.scores.tolist(), strict=True):
                scores.setdefault(number, ("lexical", round(score / best, 6)))
            rankings.append(lexical)
        dense = search_dense(context, "outline", query.text, depth, degraded)
        for number, score in zip(dense.numbers.tolist(), dense.scores.tolist(), strict=True):
            kind, known = scores.get(number, ("lexical", 0.0))
            scores[number] = ("dense", round(max(score, known) if kind == "dense" else score, 6))
        rankings.append(dense)
    fused = reciprocal_rank_fusion([hits.numbers.tolist() for hits in rankings])
    rank = context.snapshot.trajectories.rank
    order = sorted(fused, key=lambda number: (-fused[number], rank[number]))[:k]
    return [Candidate(number, None, CHANNEL, *scores[number]) for number in order]


def by_meaning(context: Context, k: int, degraded: Degraded) -> list[Candidate]:
    """At most k trajectories by dense search alone, best first; by words where there is no time to embed."""
    return by_queries(context, k, degraded, words=False) or by_words(context, k)


def by_words(context: Context, k: int) -> list[Candidate]:
    """At most k trajectories by the words of the first query alone, with the share of the best BM25."""
    words = terms(context.request.queries[0].text[:QUERY_CHARACTERS]) if context.request.queries else []
    hits = context.snapshot.search_lexical("trajectory", words, k, context.scope)
    best = float(hits.scores[0]) if len(hits) else 1.0
    return [
        Candidate(number, None, CHANNEL, "lexical", round(score / best, 6))
        for number, score in zip(hits.numbers.tolist(), hits.scores.tolist(), strict=True)
    ]


def embed_ahead(context: Context, texts: Sequence[str], degraded: Degraded) -> None:
    """Embed several texts side by side, so that searching with each finds it done."""
    if context.scope.any():
        try:
            context.lane.queries(texts, context.request.deadline)
        except DeadlineExceeded:
            degraded.note(LATE)


def search_dense(context: Context, field: str, text: str, depth: int, degraded: Degraded) -> Hits:
    """Nearest trajectories to a text; nothing, and a note, where there is no time to embed it."""
    if not context.scope.any():
        return Hits(np.empty(0, np.int64), np.empty(0))
    try:
        vector = context.lane.query(text, context.request.deadline)
    except DeadlineExceeded:
        degraded.note(LATE)
        return Hits(np.empty(0, np.int64), np.empty(0))
    return context.snapshot.search_dense(field, vector, depth, context.scope)  # type: ignore[arg-type]
