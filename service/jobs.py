"""Jobs over HTTP: list, look, cancel."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Response
from pydantic_core import to_json

from indexing.store.jobs import Job
from service.bodies import JSON_TYPE
from service.problems import documented
from service.responses import JobList, JobOut
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


@router.get(
    "", operation_id="list_jobs", response_model=JobList, responses=documented("invalid-input", "overloaded")
)
async def list_jobs(service: ServiceHere, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
    """The newest jobs, newest first."""
    jobs = await to_thread.run_sync(service.library.jobs.list, limit, limiter=service.storing)
    return _answer({"jobs": [_described(service, job) for job in jobs]})


@router.get(
    "/{id}", operation_id="read_job", response_model=JobOut, responses=documented("not-found", "overloaded")
)
async def read_job(id: JobId, service: ServiceHere) -> Response:
    """State, progress and error of a job."""
    job = await to_thread.run_sync(service.jobs.get, id, limiter=service.storing)
    return _answer(_described(service, job))


@router.post(
    "/{id}/cancel",
    operation_id="cancel_job",
    response_model=JobOut,
    responses=documented("not-found", "conflict", "overloaded"),
)
async def cancel_job(id: JobId, service: ServiceHere) -> Response:
    """Stop a job; one that is deep in its work may be `running` still when this answers."""
    job = await to_thread.run_sync(service.jobs.cancel, id, limiter=service.waiting)
    return _answer(_described(service, job))
