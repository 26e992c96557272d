"""What the acting model is shown while data is made: demonstrations ("iterative prompting"), or guidance."""

from __future__ import annotations

import asyncio

from indexing.lane import EmbeddingLane
from indexing.snapshot import Snapshot
from retrievers.query_writers.template import template_query
from retrievers.requests import Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from synthesis.acting import Demonstrate

TOKENS = 1_500
"""Of an acting prompt, for demonstrations."""


def shown_from(snapshot: Snapshot, lane: EmbeddingLane, limits: Limits | None = None) -> Demonstrate:
    """What retrieval finds for a situation, rendered, from one snapshot.

    While that collection isn't written, a run that is resumed is shown the same and so asks the same
    again; after a write it may be shown something else, and what it then asks is paid for.
    """
    most = limits or Limits(total=3, tokens=TOKENS)

    async def demonstrate(situation: Situation) -> str:
        query = Query(template_query(situation), "template")
        request = Request(situation, queries=(query,), limits=most, render=True)
        answer = await asyncio.to_thread(retrieve, snapshot, lane, request)
        return answer.prompt or ""

    return demonstrate


def guided(guidance: str) -> Demonstrate:
    """The same text at every step."""

    async def demonstrate(situation: Situation) -> str:  # noqa: ARG001
        return guidance

    return demonstrate
