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
from service.problems import NotReady, documented
from service.responses import AnswerOut
from service.schemas import RetrieveIn
from service.settings import Settings
from service.state import service_of
from service.writers import query_writer

router = APIRouter(tags=["retrieval"])

NO_KEY = ""
"""Whose episodes these are while there are no API keys."""

DOCUMENTS_SHOWN = f"{NO_KEY}/documents"

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


def answer(library: Library, asked: RetrieveIn, written: Written, deadline: float) -> dict[str, Any]:
    """Search, and remember what the episode was shown. Blocks: belongs in a thread."""
    live = library.live(asked.collection)
    request = to_request(asked, written, deadline)
    # A document and a trajectory may bear one id: what was shown of each is remembered apart.
    whose = DOCUMENTS_SHOWN if STRATEGIES[asked.strategy].documents else NO_KEY
    if asked.episode is not None:
        shown = library.episodes.shown(live.id, whose, asked.episode)
        request = replace(request, shown=tuple(shown))
    found = retrieve(live.snapshot, live.builder.lane, request)
    degraded = [*written.degraded, *found.degraded]
    if asked.episode is not None:
        ids = [one.id for one in found.demonstrations] + [one.id for one in found.documents]
        try:
            library.episodes.show(live.id, whose, asked.episode, ids, time.time())
        except (StorageFull, StorageFailed, Overloaded):
            degraded.append(EPISODE_NOT_KEPT)
    return {"collection": asked.collection, **found.to_fields(), "degraded": degraded}


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
        "malformed", "not-found", "embedder-mismatch", "too-large", "unsupported-media-type",
        "invalid-input", "invalid-filter", "overloaded", "not-ready", "deadline-exceeded", "unavailable",
        "storage-full",
    ),
    openapi_extra=_BODY,
)  # fmt: skip
async def post_retrieve(request: Request) -> Response:
    """Demonstrations for an agent amid an episode: who has stood here before, and what did they do next?"""
    arrived = time.monotonic()
    service = service_of(request)
    service.searching.check()
    asked = await read_json(request, RetrieveIn, service.settings.max_retrieve_bytes)
    asked.conditions()
    if not service.readiness.loaded:
        raise NotReady("the collections are being loaded; try again in a second")
    deadline = arrived + asked.deadline_ms / 1e3
    written = await write_queries(service.writer, asked, deadline)
    fields = await service.searching.run(lambda: answer(service.library, asked, written, deadline), deadline)
    fields["timings_ms"]["total"] = round((time.monotonic() - arrived) * 1e3, 3)
    return Response(to_json(fields), media_type=JSON_TYPE)
