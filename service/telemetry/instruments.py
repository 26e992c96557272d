"""What is counted as it happens: requests, and how retrievals went. All labels are bounded."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Histogram

from retrievers.requests import Answer
from service.telemetry.names import OTHER, Names

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
"""The route of requests that no route takes: their paths could be anything."""


class Instruments:
    """The counters and histograms of one app, in a registry of its own; safe to use from many threads."""

    def __init__(self, registry: CollectorRegistry, collections: Names) -> None:
        self._collections = collections
        self._requests = Counter(
            "precedent_http_requests",
            "Requests by method, route template and class of status.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "precedent_http_request_seconds",
            "Time until a request was answered whole.",
            ("method", "route"),
            buckets=SECONDS,
            registry=registry,
        )
        self._retrievals = Counter(
            "precedent_retrievals",
            "Retrievals answered, by collection and strategy.",
            ("collection", "strategy"),
            registry=registry,
        )
        self._stages = Histogram(
            "precedent_retrieve_stage_seconds",
            "Time of a retrieval by stage; total is all of them and reading the request.",
            ("stage",),
            buckets=SECONDS,
            registry=registry,
        )
        self._candidates = Counter(
            "precedent_candidates",
            "Candidates that were ranked, by channel and kind of match.",
            ("channel", "kind"),
            registry=registry,
        )
        self._demonstrations = Counter(
            "precedent_demonstrations",
            "Demonstrations returned, by channel and kind of match.",
            ("channel", "kind"),
            registry=registry,
        )
        self._empty = Counter(
            "precedent_empty_answers",
            "Answers with neither a demonstration nor a document, by collection.",
            ("collection",),
            registry=registry,
        )
        self._degraded = Counter(
            "precedent_degraded_answers",
            "Answers that had to do without something, by what was missing.",
            ("missing",),
            registry=registry,
        )

    def request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        known = method if method in METHODS else OTHER
        template = route or UNMATCHED
        self._requests.labels(known, template, f"{status // 100}xx").inc()
        self._request_seconds.labels(known, template).observe(seconds)

    def retrieval(self, collection: str, answer: Answer) -> None:
        """Count a retrieval from a collection, which therefore exists."""
        name = self._collections.label(collection)
        self._retrievals.labels(name, answer.strategy).inc()
        for stage, milliseconds in answer.timings_ms.items():
            self._stages.labels(stage).observe(milliseconds / 1e3)
        for found, number in Tally((one.channel, one.kind) for one in answer.candidates).items():
            self._candidates.labels(*found).inc(number)
        for found, number in Tally((one.channel, one.kind) for one in answer.demonstrations).items():
            self._demonstrations.labels(*found).inc(number)
        if not (answer.demonstrations or answer.documents):
            self._empty.labels(name).inc()
        for missing in answer.degraded:
            self._degraded.labels(missing).inc()

    def forget(self, collections: Collection[str]) -> None:
        """Drop what was counted of collections that are gone."""
        for name in collections:
            self._retrievals.remove_by_labels({"collection": name})
            self._empty.remove_by_labels({"collection": name})
