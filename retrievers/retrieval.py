"""One request answered: rank, show what fits, count, render. Pure of I/O but for the embedding lane."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import islice

from indexing.errors import DeadlineExceeded
from indexing.lane import EmbeddingLane
from indexing.snapshot import Snapshot
from indexing.terms import terms
from retrievers.assembly import Assembler
from retrievers.baselines import DocumentRanker
from retrievers.budget import Meter
from retrievers.context import Context
from retrievers.likeness import likenesses
from retrievers.model_channel import LATE, Degraded
from retrievers.passages import passage
from retrievers.rendering import render_document, render_prompt
from retrievers.requests import Answer, Candidate, Demonstration, DocumentHit, Request
from retrievers.shelf import Shelf
from retrievers.strategies import STRATEGIES, Strategy


def retrieve(
    snapshot: Snapshot, lane: EmbeddingLane, request: Request, strategy: Strategy | None = None
) -> Answer:
    """Answer a request from one snapshot; queries, where the strategy wants them, are written already.

    `strategy` takes the place of the one that the request names: for comparisons.

    Raises
    ------
    Overloaded
        The embedding lane is full.
    """
    started = time.perf_counter()
    strategy = strategy or STRATEGIES[request.strategy]
    degraded = Degraded()
    meter = snapshot.derived("meter", lambda: Meter(snapshot.analyzer.tokenizer))
    scope = snapshot.scope(request.conditions, (*request.exclude, *request.shown))
    context = Context(snapshot, lane, request, scope)
    ranked, keep = _ranked(context, strategy, degraded)
    found = time.perf_counter()
    shown = _show(context, meter, ranked, strategy.windowed)
    documents: list[DocumentHit] = []
    if strategy.documents:
        documents, keep = _documents(snapshot, lane, meter, request, degraded)
    prompt = render_prompt(shown, documents) if request.render or not meter.additive else None
    tokens = _total(meter, shown, documents)
    while not meter.additive and (shown or documents):
        tokens = meter.tokenizer.count([prompt or ""])[0]
        if tokens <= request.limits.tokens:
            break
        (documents or shown).pop()
        prompt, tokens = render_prompt(shown, documents), 0
    done = time.perf_counter()
    return Answer(
        generation=snapshot.generation,
        strategy=request.strategy,
        queries=request.queries,
        demonstrations=tuple(shown),
        documents=tuple(documents),
        prompt=prompt if request.render else None,
        tokens=tokens,
        keep=keep,
        degraded=tuple(degraded),
        timings_ms={
            "search": round((found - started) * 1e3, 3),
            "assemble": round((done - found) * 1e3, 3),
            "total": round((done - started) * 1e3, 3),
        },
        candidates=tuple(ranked),
    )


def _ranked(
    context: Context, strategy: Strategy, degraded: Degraded
) -> tuple[list[Candidate], tuple[str, ...]]:
    """Candidates not yet shown in the episode, and which of those shown would be among the best."""
    request, snapshot = context.request, context.snapshot
    rank, limits = strategy.rank, request.limits
    if limits.tokens <= 0 or limits.total <= 0:
        return [], ()
    keep: tuple[str, ...] = ()
    if request.shown:
        everything = replace(context, scope=snapshot.scope(request.conditions, request.exclude))
        names = [
            snapshot.trajectories.id(candidate.trajectory) for candidate in rank(everything, limits, degraded)
        ]
        seen = set(request.shown)
        keep = tuple(name for name in names if name in seen)
    return rank(context, limits, degraded), keep


def _show(context: Context, meter: Meter, ranked: list[Candidate], windowed: bool) -> list[Demonstration]:
    snapshot = context.snapshot
    places = [candidate.position for candidate in ranked if candidate.position is not None]
    like = likenesses(snapshot, context.observed, places) if context.observed and places else {}
    shelf = snapshot.derived("shelf", lambda: Shelf(snapshot, meter))
    return Assembler(shelf, meter, like, context.request.limits.tokens, windowed).show(ranked)


def _ranked_documents(
    snapshot: Snapshot, lane: EmbeddingLane, request: Request, degraded: Degraded
) -> list[tuple[int, float]]:
    """Documents with their scores, best first, also those that were shown; by words without time to embed."""
    scope = snapshot.documents.scope(request.conditions, request.exclude)
    depth = request.limits.documents + len(request.shown)
    text = Context(snapshot, lane, request, snapshot.trajectories.alive).task_text
    if snapshot.settings.documents_engine == "dense" and scope.any():
        try:
            hits = snapshot.search_documents(lane.query(text, request.deadline), depth, scope)
            return list(zip(hits.numbers.tolist(), hits.scores.round(6).tolist(), strict=True))
        except DeadlineExceeded:
            degraded.note(LATE)
    ranker = snapshot.documents.derived("ranker", lambda: DocumentRanker(snapshot))
    return [(number, score) for number, score in ranker.rank(text) if scope[number]]


def _documents(
    snapshot: Snapshot, lane: EmbeddingLane, meter: Meter, request: Request, degraded: Degraded
) -> tuple[list[DocumentHit], tuple[str, ...]]:
    """Documents not yet shown in the episode, and which of those shown would be among the best."""
    limits, name, seen = request.limits, snapshot.documents.id, set(request.shown)
    if limits.documents <= 0 or limits.tokens <= 0:
        return [], ()
    ranked = _ranked_documents(snapshot, lane, request, degraded)
    keep = tuple(id for number, _ in ranked[: limits.documents] if (id := name(number)) in seen)
    whole = left = limits.tokens - meter.documents_heading
    shown: list[DocumentHit] = []
    wanted = list(islice((one for one in ranked if name(one[0]) not in seen), limits.documents))
    for place, (number, score) in enumerate(wanted):
        record = snapshot.document(number)
        one = _counted(meter, DocumentHit(record.id, record.title, record.text, score, 0), len(shown) + 1)
        if one.tokens > whole:
            one = _excerpt(meter, one, len(shown) + 1, request, left // (len(wanted) - place))
        if one.text and one.tokens <= left:
            shown.append(one)
            left -= one.tokens
    return shown, keep


def _counted(meter: Meter, one: DocumentHit, rank: int) -> DocumentHit:
    return replace(one, tokens=meter.tokenizer.count([render_document(rank, one)])[0])


def _excerpt(meter: Meter, one: DocumentHit, rank: int, request: Request, share: int) -> DocumentHit:
    """A document that no prompt of this budget could hold, cut to what it says of the task."""
    bare = _counted(meter, replace(one, text="", truncated=True), rank)
    query = terms(request.situation.instruction or request.situation.observation or "")
    text = passage(one.text, query, share - bare.tokens, meter.tokenizer.count)
    return _counted(meter, replace(bare, text=text), rank)


def _total(meter: Meter, shown: list[Demonstration], documents: list[DocumentHit]) -> int:
    demonstrations = sum(one.tokens for one in shown) + (meter.demonstrations_heading if shown else 0)
    return (
        demonstrations + sum(one.tokens for one in documents) + (meter.documents_heading if documents else 0)
    )
