"""`POST /retrieve`: a situation in, ranked demonstrations out."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from indexing.errors import Overloaded, StorageFailed, StorageFull
from indexing.library import Library
from retrievers import requests
from retrievers.query_writers import AgentWriter, QueryWriter, Written
from retrievers.retrieval import retrieve
from retrievers.strategies import STRATEGIES, needs_query
from service.bodies import JSON_TYPE, read_json
from service.caller import NO_KEY, CallerHere, needs
from service.problems import NotReady, documented
from service.responses import AnswerOut
from service.schemas import RetrieveIn
from service.settings import Settings
from service.state import Service, service_of
from service.writers import query_writer

router = APIRouter(tags=["retrieval"])

EPISODE_NOT_KEPT = "episode:not_kept"
"""In `degraded`: the disk is full, or busy for too long, so the same may be shown again."""

_BODY = {
    "requestBody": {
        "required": True,
        "content": {JSON_TYPE: {"schema": {"$ref": "#/components/schemas/RetrieveIn"}}},
    }
}


async def write_queries(writer: QueryWriter, asked: RetrieveIn, deadline: float) -> Written:
    """The queries to search with: the agent's own, or what the writer makes of the situation."""
    if not needs_query(asked.strategy, asked.limits.to_limits()):
        return Written(())
    chosen = AgentWriter(asked.queries) if asked.queries else writer
    return await chosen.write(asked.situation(), deadline)


def to_request(asked: RetrieveIn, written: Written, deadline: float) -> requests.Request:
    """What the strategies understand; raises InvalidFilter."""
    return requests.Request(
        situation=asked.situation(),
        strategy=asked.strategy,
        queries=written.queries,
        limits=asked.limits.to_limits(),
        deadline=deadline,
        conditions=asked.conditions(),
        exclude=tuple(asked.exclude),
        render=asked.render is not None,
    )


def search(
    library: Library, asked: RetrieveIn, written: Written, deadline: float, key: str = NO_KEY
) -> requests.Answer:
    """Search, and remember what the key's episode was shown. Blocks: belongs in a thread."""
    live = library.live(asked.collection)
    request = to_request(asked, written, deadline)
    # A document and a trajectory may bear one id: what was shown of each is remembered apart.
    whose = f"{key}/documents" if STRATEGIES[asked.strategy].documents else key
    not_kept: tuple[str, ...] = ()
    if asked.episode is None:
        found = retrieve(live.snapshot, live.builder.lane, request)
    else:
        with library.episodes.turn(live.id, whose, asked.episode):
            shown = library.episodes.shown(live.id, whose, asked.episode)
            found = retrieve(live.snapshot, live.builder.lane, replace(request, shown=tuple(shown)))
            ids = [one.id for one in found.demonstrations] + [one.id for one in found.documents]
            try:
                library.episodes.show(live.id, whose, asked.episode, ids, time.time())
            except (StorageFull, StorageFailed, Overloaded):
                not_kept = (EPISODE_NOT_KEPT,)
    return replace(found, degraded=(*written.degraded, *found.degraded, *not_kept))


def answer(library: Library, asked: RetrieveIn, written: Written, deadline: float) -> dict[str, Any]:
    """What `search` finds, as the contract's JSON object."""
    return to_answer(asked, search(library, asked, written, deadline))


def to_answer(asked: RetrieveIn, found: requests.Answer) -> dict[str, Any]:
    """The contract's JSON object."""
    return {"collection": asked.collection, **found.to_fields()}


async def answer_once(settings: Settings, library: Library, asked: RetrieveIn) -> dict[str, Any]:
    """The answer as the service gives it, for a process that asks but once: blocks its event loop."""
    deadline = time.monotonic() + asked.deadline_ms / 1e3
    async with query_writer(settings) as writer:
        written = await write_queries(writer, asked, deadline)
    return answer(library, asked, written, deadline)


@router.post(
    "/retrieve",
    operation_id="retrieve",
    response_model=AnswerOut,
    responses=documented(
        "malformed", "too-slow", "not-found", "embedder-mismatch", "too-large", "unsupported-media-type",
        "invalid-input", "invalid-filter", "overloaded", "not-ready", "deadline-exceeded", "unavailable",
        "storage-full",
    ),
    openapi_extra=_BODY,
    dependencies=[needs("retrieve")],
)  # fmt: skip
async def post_retrieve(request: Request, caller: CallerHere) -> Response:
    """Demonstrations for an agent amid an episode: who has stood here before, and what did they do next?"""
    arrived = time.monotonic()
    service = service_of(request)
    service.searching.check()
    asked = await read_json(request, RetrieveIn, service.settings.max_retrieve_bytes)
    caller.require("retrieve", asked.collection)
    asked.conditions()
    if not service.readiness.loaded:
        raise NotReady("the collections are being loaded; try again in a second")
    deadline = arrived + asked.deadline_ms / 1e3
    with service.telling.traces.retrieval(asked.strategy, asked.limits.total) as traced:
        found = await _retrieve(service, asked, arrived, deadline, caller.key)
        traced.answered(asked.collection, found)
    service.telling.metrics.counted.retrieval(asked.collection, found)
    shown = len(found.demonstrations) + len(found.documents)
    service.recent.note(asked.collection, asked.strategy, found.timings_ms, shown, bool(found.degraded))
    return Response(to_json(to_answer(asked, found)), media_type=JSON_TYPE)


async def _retrieve(
    service: Service, asked: RetrieveIn, arrived: float, deadline: float, key: str
) -> requests.Answer:
    """The answer, with the time of every stage since the request arrived."""
    read = time.monotonic()
    written = await write_queries(service.writer, asked, deadline)
    ready = time.monotonic()

    def work() -> tuple[float, requests.Answer]:
        return time.monotonic(), search(service.library, asked, written, deadline, key)

    begun, found = await service.searching.run(work, deadline)
    before = {"queries": _ms(ready - read), "wait": _ms(begun - ready)}
    timings = {**before, **found.timings_ms, "total": _ms(time.monotonic() - arrived)}
    return replace(found, timings_ms=timings)


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)
