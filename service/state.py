"""What a running service holds: made when it starts, found by every call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from indexing.library import Library
from retrievers.query_writers import QueryWriter
from service.authority import Authority
from service.gate import Gate
from service.job_runner import JobRunner
from service.readiness import Readiness
from service.recent import Recent
from service.sessions import Sessions
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.telemetry.traces import Traces

STORING_THREADS = 8
WAITING_THREADS = 64


@dataclass(frozen=True, slots=True)
class Telling:
    """Where a service tells how it goes: to whom scrapes, and to whom collects traces."""

    metrics: Metrics
    traces: Traces


@dataclass(slots=True)
class Service:
    """The parts that calls share, and the threads that each kind of work may take."""

    settings: Settings
    library: Library
    writer: QueryWriter
    jobs: JobRunner
    readiness: Readiness
    searching: Gate
    authority: Authority
    telling: Telling
    sessions: Sessions = field(default_factory=Sessions)
    recent: Recent = field(default_factory=Recent)
    storing: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(STORING_THREADS))
    waiting: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(WAITING_THREADS))
    scraping: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service: Service = request.app.state.service
    return service


async def _service(request: Request) -> Service:
    return service_of(request)


ServiceHere = Annotated[Service, Depends(_service)]
