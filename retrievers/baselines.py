"""What retrieval is compared with: plain RAG over trajectories and over documents, and chance."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

import numpy as np
from pydantic_core import to_json

from indexing.snapshot import Snapshot
from indexing.terms import terms
from retrievers.context import Context
from retrievers.model_channel import Degraded, search_dense
from retrievers.requests import Candidate


def by_instruction(context: Context, k: int, degraded: Degraded) -> list[Candidate]:
    """Plain RAG over trajectories: those with the nearest instructions, aligned to nothing."""
    hits = search_dense(context, "instruction", context.task_text, k, degraded)
    return [
        Candidate(number, None, "instruction", "dense", round(score, 6))
        for number, score in zip(hits.numbers.tolist(), hits.scores.tolist(), strict=True)
    ]


def at_random(context: Context, k: int) -> list[Candidate]:
    """k trajectories drawn by the request: the same request draws the same."""
    request = context.request
    situation = request.situation
    history = [(step.observation, step.action, step.thought) for step in situation.history]
    seed = blake2b(to_json([situation.instruction, history, situation.observation]), digest_size=8).digest()
    numbers = np.flatnonzero(context.scope)
    numbers = numbers[np.argsort(context.snapshot.trajectories.rank[numbers])]
    drawn = np.random.default_rng(int.from_bytes(seed, "little")).permutation(numbers)[:k]
    return [Candidate(number, None, "random", "random", 0.0) for number in drawn.tolist()]


COMMON = 1e-3
"""The idf of a word that stands in half of the documents or more."""


class DocumentRanker:
    """Plain RAG over a snapshot's documents: rank_bm25 by default, dense where the collection says so."""

    def __init__(self, snapshot: Snapshot) -> None:
        from rank_bm25 import BM25Okapi

        pool = snapshot.documents
        alive = np.flatnonzero(pool.alive)
        # By id: BM25Okapi averages over words as they come, and the last digit hangs on their order.
        self.numbers = alive[np.argsort(pool.rank[alive])]
        texts = [segment.terms(ordinal) for segment, ordinal in map(pool.locate, self.numbers.tolist())]
        self._terms = [Counter(text) for text in texts]
        self._bm25 = BM25Okapi(texts) if any(texts) else None
        if self._bm25 is not None:
            self._bm25.idf = {term: max(idf, COMMON) for term, idf in self._bm25.idf.items()}

    def rank(self, text: str) -> list[tuple[int, float]]:
        """All documents that share a word with the text, best first, with their scores.

        Among equal scores who shares more words comes first, then who comes first by id.

        BM25Okapi gives a word of half of the documents or more an idf of zero or less, by which who has it
        would fall behind who hasn't: such words count for `COMMON`, so that the rarer ones decide.
        """
        from indexing.lexical import term_hash

        query = [term_hash(term) for term in terms(text)]
        if self._bm25 is None or not query:
            return []
        scores = self._bm25.get_scores(query).round(6).tolist()
        shared = [sum(term in found for term in set(query)) for found in self._terms]
        found = (i for i in range(len(scores)) if shared[i])
        order = sorted(found, key=lambda i: (-scores[i], -shared[i], i))
        return [(int(self.numbers[i]), scores[i]) for i in order]
