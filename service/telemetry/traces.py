"""Where a request's time went, for OpenTelemetry: the seam, and what stands there while nobody asks.

What traces is in `service.telemetry.spans`, which needs the extra `telemetry` and is imported only then.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from fastapi import FastAPI

from indexing.errors import MissingExtra
from retrievers.requests import Answer


class Retrieval(Protocol):
    """A retrieval that is under way."""

    def answered(self, collection: str, answer: Answer) -> None:
        """Tell what came of it, with the time of each stage."""


class Traces(Protocol):
    """What an app tells its traces to."""

    def install(self, app: FastAPI) -> None:
        """Trace each request of the app."""

    def retrieval(self, strategy: str, top_k: int) -> AbstractContextManager[Retrieval]:
        """While this lasts, a retrieval is under way; one that fails ends with its error."""

    def close(self) -> None:
        """Send what is still held, then nothing more; may take some seconds."""


class _Untold:
    def answered(self, collection: str, answer: Answer) -> None:
        pass


class NoTraces:
    """No traces: costs nothing."""

    def __init__(self) -> None:
        self._retrieval: AbstractContextManager[Retrieval] = nullcontext(_Untold())

    def install(self, app: FastAPI) -> None:
        pass

    def retrieval(self, strategy: str, top_k: int) -> AbstractContextManager[Retrieval]:  # noqa: ARG002
        return self._retrieval

    def close(self) -> None:
        pass


def open_traces(url: str | None) -> Traces:
    """Traces that are sent to an OTLP/HTTP endpoint, if there is one.

    Raises
    ------
    MissingExtra
        There is one, and the extra isn't installed.
    """
    if url is None:
        return NoTraces()
    try:
        from service.telemetry.spans import exported_to
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"PRECEDENT_TRACES_URL is set and {error.name} isn't installed; "
            "run: pip install 'precedent[telemetry]'"
        ) from error
    return exported_to(url)
