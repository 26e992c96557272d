"""Jobs over HTTP: list, look, cancel."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic_core import to_json

from indexing.store.jobs import Job
from service.auditing import deed_of
from service.bodies import JSON_TYPE
from service.caller import Caller, CallerHere, needs
from service.job_runner import no_job
from service.problems import documented
from service.responses import JobList, JobOut
from service.schemas import or_default
from service.state import Service, ServiceHere

JobId = Annotated[str, Path(description="The job's id.")]

router = APIRouter(prefix="/jobs", tags=["jobs"])


def describe_job(job: Job, rate: float | None) -> dict[str, Any]:
    """A job with its progress; the time left follows from the rate of its present stage."""
    progress = job.progress
    rate = rate if job.state == "running" else None
    left = (progress.total or 0) - progress.done
    return {
        "id": job.id,
        "kind": job.kind,
        "collection": job.collection,
        "state": job.state,
        "request": dict(job.request),
        "progress": {
            "stage": progress.stage,
            "done": progress.done,
            "total": progress.total,
            "rate": round(rate, 3) if rate else None,
            "seconds_left": round(max(left, 0) / rate, 1) if rate and progress.total is not None else None,
        },
        "error": job.error,
        "attempt": job.attempt,
        "result": dict(job.result) if job.result is not None else None,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    }


def _described(service: Service, job: Job) -> dict[str, Any]:
    return describe_job(job, service.jobs.pace(job.id))


def _answer(body: dict[str, Any]) -> Response:
    return Response(to_json(body), media_type=JSON_TYPE)


async def _seen(service: Service, caller: Caller, id: str) -> Job:
    """The job, for who has a scope for its collection; for others there is none: raises NotFound."""
    job = await to_thread.run_sync(service.jobs.get, id, limiter=service.storing)
    if caller.names(None) is not None and (job.collection is None or not caller.may(None, job.collection)):
        raise no_job(id)
    return job


@router.get(
    "",
    operation_id="list_jobs",
    response_model=JobList,
    responses=documented("invalid-input", "overloaded"),
    dependencies=[needs(None)],
)
async def list_jobs(
    service: ServiceHere,
    caller: CallerHere,
    limit: Annotated[int, Query(ge=1, le=1000), or_default(100)] = 100,
) -> Response:
    """The newest jobs, newest first, of the collections that the caller has a scope for."""
    call = partial(service.library.jobs.list, limit, caller.names(None))
    jobs = await to_thread.run_sync(call, limiter=service.storing)
    return _answer({"jobs": [_described(service, job) for job in jobs]})


@router.get(
    "/{id}",
    operation_id="read_job",
    response_model=JobOut,
    responses=documented("not-found", "overloaded"),
    dependencies=[needs(None)],
)
async def read_job(id: JobId, service: ServiceHere, caller: CallerHere) -> Response:
    """State, progress and error of a job."""
    return _answer(_described(service, await _seen(service, caller, id)))


@router.post(
    "/{id}/cancel",
    operation_id="cancel_job",
    response_model=JobOut,
    responses=documented("not-found", "conflict", "overloaded"),
    dependencies=[needs("admin")],
)
async def cancel_job(id: JobId, service: ServiceHere, caller: CallerHere, request: Request) -> Response:
    """Stop a job; one that is deep in its work may be `running` still when this answers."""
    deed_of(request).subject = id
    caller.require("admin", (await _seen(service, caller, id)).collection)
    job = await to_thread.run_sync(service.jobs.cancel, id, limiter=service.waiting)
    return _answer(_described(service, job))
