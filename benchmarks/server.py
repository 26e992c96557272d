"""The service as it is served, with endpoints beside it that do a part of the work: what benchmarks compare.

`python -m benchmarks.server --data-dir DIR` prints its address when it answers.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from pydantic_core import to_json

from benchmarks.heartbeat import late
from service import server
from service.app import create_app
from service.bodies import JSON_TYPE, read_json
from service.schemas import RetrieveIn
from service.settings import load_settings
from service.state import Service, service_of
from service.telemetry.logs import log_to_stderr

router = APIRouter(prefix="/bench", include_in_schema=False)
BODY = 1 << 24


class Texts(BaseModel):
    """Texts to embed in one batch."""

    texts: list[str]


def _searched(service: Service, asked: RetrieveIn) -> float:
    """Milliseconds of the BM25 search over observations that this request would make."""
    snapshot = service.library.live(asked.collection).snapshot
    terms = snapshot.analyzer.situation(asked.observation or "")[2]
    scope = snapshot.scope((), ())
    started = time.perf_counter()
    snapshot.search_observations(terms, 2 * asked.limits.observation + 20, scope)
    return (time.perf_counter() - started) * 1e3


def _embedded(service: Service, texts: list[str]) -> float:
    """Milliseconds of embedding texts, alone and in one batch."""
    embedder = service.library.lane(service.settings.embedders[0]).embedder
    started = time.perf_counter()
    embedder.encode(texts)
    return (time.perf_counter() - started) * 1e3


def _held(what: str) -> int:
    """Bytes that this process holds, by their name in Linux's table; 0 elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{what}:"))


def _told(milliseconds: float) -> Response:
    return Response(to_json({"ms": milliseconds}), media_type=JSON_TYPE)


@router.post("/parse")
async def parse(request: Request, size: Annotated[int, Query(ge=0)]) -> Response:
    """Parse a request for retrieval; answer with as many bytes as were asked for."""
    await read_json(request, RetrieveIn, BODY)
    return Response(b" " * size, media_type=JSON_TYPE)


@router.post("/search")
async def search(request: Request) -> Response:
    """The BM25 search of a request, alone."""
    asked = await read_json(request, RetrieveIn, BODY)
    return _told(await to_thread.run_sync(_searched, service_of(request), asked))


@router.post("/embed")
async def embed(request: Request) -> Response:
    """Embedding, alone and in one batch."""
    asked = await read_json(request, Texts, BODY)
    return _told(await to_thread.run_sync(_embedded, service_of(request), asked.texts))


@router.post("/usage")
async def usage() -> Response:
    """Processor seconds and bytes of this process: all that are resident, and those that are no file's."""
    memory = {"resident": _held("VmRSS"), "anonymous": _held("RssAnon")}
    return Response(to_json({"cpu_s": time.process_time(), **memory}), media_type=JSON_TYPE)


@router.post("/heartbeat")
async def heartbeat(seconds: Annotated[float, Query(gt=0)]) -> Response:
    """By how many milliseconds the event loop comes late to what should run every few, for a while: p99."""
    return _told(await late(seconds))


def main() -> None:
    """Serve on a free port."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path, required=True)
    settings = load_settings(data_dir=parser.parse_args().data_dir, host="127.0.0.1", port=0)
    with server.bind(settings.host, settings.port) as listener:
        log_to_stderr(settings.log_level, settings.log_format)
        app = create_app(settings)
        app.include_router(router)
        server.serve(app, listener, lambda: print(server.url_of(listener), flush=True))


if __name__ == "__main__":
    main()
