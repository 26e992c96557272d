"""The paper's query writer: the model is asked which examples would help it to act."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from retrievers.language_model import LanguageModel, ModelUnavailable
from retrievers.query_writers.base import Written
from retrievers.query_writers.guards import CircuitBreaker, LruCache, SharedCalls
from retrievers.query_writers.prompt import SYSTEM, clean_answer, situation_prompt
from retrievers.query_writers.template import from_template
from retrievers.situation import Query, Situation

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelWriterSettings:
    """How much a model may cost. Times in seconds."""

    reserve_s: float = 0.3
    """Kept of every deadline for the search itself."""
    least_s: float = 0.2
    """With less time than this the model isn't asked."""
    most_s: float = 30.0
    """The longest call, however far the deadline."""
    max_tokens: int = 96
    cache_size: int = 4_096
    failures: int = 3
    """So many failed calls in a row, and the model is skipped for a while."""
    pause_s: float = 15.0
    """That while; then one call tries again."""


class ModelWriter:
    """Has a language model write the query; the template's stands in when that fails.

    Queries are kept by model and situation, so an agent that asks again gets the same one at once.
    Equal situations at the same time share one call. Codes in `degraded`, all with the prefix
    `query_writer:`: `timeout`, `refused`, `rate_limited`, `too_large`, `nonsense` (the failures of
    `retrievers.language_model`), `no_time` (the deadline left too little to ask), `circuit_open`
    (skipped after failures in a row), `failed` (anything else; logged as an error).
    """

    def __init__(
        self,
        model: LanguageModel,
        settings: ModelWriterSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._settings = settings or ModelWriterSettings()
        self._queries: LruCache[str] = LruCache(self._settings.cache_size)
        self._breaker = CircuitBreaker(self._settings.failures, self._settings.pause_s, clock)
        self._calls: SharedCalls[str] = SharedCalls(self._count)

    async def write(self, situation: Situation, deadline: float) -> Written:
        """The model's query, or the template's with the code of what went wrong."""
        prompt = situation_prompt(situation)
        key = hashlib.sha256(f"{self._model.name}\n{prompt}".encode()).hexdigest()
        try:
            text = self._queries.get(key) or await self._asked(key, prompt, deadline)
        except _Unwritten as unwritten:
            return from_template(situation, f"query_writer:{unwritten.code}")
        return Written((Query(text, "model"),))

    async def _asked(self, key: str, prompt: str, deadline: float) -> str:
        seconds = deadline - time.monotonic() - self._settings.reserve_s
        if seconds < self._settings.least_s:
            raise _Unwritten("no_time")
        if key not in self._calls and not self._breaker.admits():
            raise _Unwritten("circuit_open")
        call = await self._calls.ended(key, lambda: self._call(key, prompt), seconds)
        if call is None:
            if key not in self._calls:  # nobody waits any longer: the call itself has failed
                self._breaker.failed()
            raise _Unwritten("timeout")
        if call.cancelled():
            raise _Unwritten("failed")
        match call.exception():
            case None:
                return call.result()
            case ModelUnavailable(kind=kind):
                raise _Unwritten(kind)
            case error:
                logger.error("the model %s broke the seam's contract", self._model.name, exc_info=error)
                raise _Unwritten("failed")

    async def _call(self, key: str, prompt: str) -> str:
        answer = await self._model.complete(
            SYSTEM, prompt, max_tokens=self._settings.max_tokens, timeout_s=self._settings.most_s
        )
        query = clean_answer(answer)
        if query is None:
            raise ModelUnavailable("nonsense", f"the model {self._model.name} wrote no query")
        self._queries.put(key, query)
        return query

    def _count(self, call: asyncio.Task[str]) -> None:
        """Tell the circuit breaker how a call ended; one that was cancelled says nothing."""
        if call.cancelled():
            return
        if call.exception() is None:
            self._breaker.succeeded()
        else:
            self._breaker.failed()


class _Unwritten(Exception):
    """No query from the model, for this reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
