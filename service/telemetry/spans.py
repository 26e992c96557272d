"""Spans: one for each request, one for its retrieval, one for each stage. Needs the extra `telemetry`.

Names and attributes follow OpenTelemetry's semantic conventions, HTTP's and those of generative AI (0.1, in
development). No attribute holds a text, an id or a path that a client sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from urllib.parse import urlsplit

from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retrievers.requests import Answer
from service.telemetry.instruments import METHODS
from service.telemetry.request_ids import request_id

STAGES = ("queries", "wait", "search", "assemble")
"""The stages of a retrieval, in the order in which one follows the other."""

UNTRACED = ("/health/", "/metrics")
"""What is asked all the time and says nothing."""

OTLP_PATH = "/v1/traces"


def exported_to(url: str) -> SpanTraces:
    """Traces in batches to an OTLP/HTTP endpoint; the rest is set by the standard OTEL_ variables."""
    endpoint = url.rstrip("/") + OTLP_PATH if urlsplit(url).path in ("", "/") else url
    found = Resource.create({"service.version": version("precedent")})
    if str(found.attributes.get("service.name", "")).startswith("unknown_service"):
        found = found.merge(Resource({"service.name": "precedent"}))
    provider = TracerProvider(resource=found)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return SpanTraces(provider)


class SpanTraces:
    """`Traces` as spans of a provider, which is this app's own."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("precedent", version("precedent"))

    def install(self, app: FastAPI) -> None:
        app.add_middleware(RequestSpans, tracer=self._tracer)

    @contextmanager
    def retrieval(self, strategy: str, top_k: int) -> Iterator[RetrievalSpan]:
        attributes: dict[str, str | int] = {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.top_k": top_k,
            "precedent.strategy": strategy,
        }
        with self._tracer.start_as_current_span(
            "retrieval", attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield RetrievalSpan(self._tracer, span)
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    def close(self) -> None:
        self._provider.shutdown()


class RetrievalSpan:
    """The span of a retrieval that is under way."""

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer = tracer
        self._span = span
        self._begun = time.time_ns()

    def answered(self, collection: str, answer: Answer) -> None:
        self._span.set_attributes(
            {
                "gen_ai.data_source.id": collection,
                "precedent.generation": answer.generation,
                "precedent.candidates": len(answer.candidates),
                "precedent.demonstrations": len(answer.demonstrations),
                "precedent.documents": len(answer.documents),
                "precedent.tokens": answer.tokens,
                "precedent.degraded": answer.degraded,
                "precedent.query_writers": tuple(dict.fromkeys(query.writer for query in answer.queries)),
            }
        )
        within, at = set_span_in_context(self._span), self._begun
        for stage in STAGES:
            child = self._tracer.start_span(stage, within, start_time=at)
            at += round(answer.timings_ms.get(stage, 0.0) * 1e6)
            child.end(at)


class RequestSpans:
    """Middleware: a server span for each request, a child of the caller's where it sent `traceparent`."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self.app = app
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNTRACED):
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._tracer.start_as_current_span(
            method,
            self._propagator.extract(dict(Headers(scope=scope).items())),
            SpanKind.SERVER,
            {"http.request.method": method, "url.scheme": scope["scheme"]},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await self.app(scope, receive, noting)
            finally:
                self._tell(span, method, getattr(scope.get("route"), "path_format", None), status)

    @staticmethod
    def _tell(span: Span, method: str, route: str | None, status: int) -> None:
        if route is not None:
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        span.set_attribute("precedent.request_id", request_id() or "")
        if status >= 500:
            span.set_attribute("error.type", str(status))
            span.set_status(Status(StatusCode.ERROR))
