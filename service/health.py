"""Is it alive, and can it do its work?"""

from __future__ import annotations

from importlib.metadata import version

from anyio import to_thread
from fastapi import APIRouter, Response
from pydantic_core import to_json

from service.bodies import JSON_TYPE
from service.problems import NotReady, documented
from service.responses import Alive, Ready
from service.state import ServiceHere

router = APIRouter(prefix="/health", tags=["health"])

ALIVE = to_json({"status": "alive", "version": version("precedent")})


@router.get("/live", operation_id="live", response_model=Alive)
async def live() -> Response:
    """The process answers, and says which version it is."""
    return Response(ALIVE, media_type=JSON_TYPE)


@router.get("/ready", operation_id="ready", response_model=Ready, responses=documented("not-ready"))
async def ready(service: ServiceHere) -> Response:
    """The collections are loaded, and a real embedding and search have gone through seconds ago.

    Where callers need a key, strangers learn no more than that: no number, no name of a collection.
    """
    reserved = await service.authority.asks()
    try:
        milliseconds = await to_thread.run_sync(service.readiness.check)
    except NotReady:
        if reserved:
            settled = service.readiness.settled
            raise NotReady("it can't do its work; the log says why" if settled else "still loading") from None
        raise
    found = await to_thread.run_sync(service.library.catalog.list, limiter=service.storing)
    body = {
        "status": "ready",
        "probe_ms": milliseconds,
        "collections": None if reserved else len(found),
    }
    return Response(to_json(body), media_type=JSON_TYPE)
