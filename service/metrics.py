"""`GET /metrics`: the service in numbers, for Prometheus."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from service.state import ServiceHere

router = APIRouter(tags=["health"])

FORMATS = ("text/plain", "application/openmetrics-text")


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=Response,
    responses={
        200: {
            "description": "The metrics, as text.",
            "content": {media_type: {"schema": {"type": "string"}} for media_type in FORMATS},
        }
    },
)
async def metrics(service: ServiceHere, request: Request) -> Response:
    """The service in numbers, in Prometheus' text format, or OpenMetrics' where `Accept` asks for it."""
    accept = request.headers.get("accept", "")
    body, media_type = await to_thread.run_sync(
        service.telling.metrics.render, accept, limiter=service.scraping
    )
    return Response(body, headers={"Content-Type": media_type})
