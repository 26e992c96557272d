"""All model calls of a synthesis run: each is paid once, bounded in time, number and price.

An answer is on disk before anyone sees it, under a digest of what was asked. A run that is killed and
resumed asks the same things in the same words, is answered from the disk as far as it had come, and so
ends the same. That holds for answers that couldn't be read, too; what the network did isn't kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

from indexing.errors import InvalidInput
from retrievers.language_model import LanguageModel, ModelUnavailable
from synthesis.budget import FREE, NOTHING, Budget, CallLimits, Charge, Price, Spent, estimated_tokens
from synthesis.call_cache import ANSWERED, UNREADABLE, Call, CallCache
from synthesis.call_settings import PATIENT, CallSettings
from synthesis.errors import CallFailed, Unreadable
from synthesis.folders import locked

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

UNBILLED = frozenset({"refused", "rate_limited"})
"""Failures after which nothing was written, so that nothing is charged."""


@dataclass(frozen=True, slots=True)
class _Request:
    role: str
    model: LanguageModel
    system: str
    prompt: str
    max_tokens: int
    salt: str
    attempt: int

    def key(self) -> bytes:
        asked = [self.model.name, self.system, self.prompt, self.max_tokens, self.salt, self.attempt]
        return hashlib.sha256(json.dumps(asked).encode()).digest()


@dataclass(slots=True, eq=False)
class _Flight:
    """A call under way, and how many wait for it. Once `sent` it is paid for, and goes on without them."""

    request: _Request
    key: bytes
    waiting: int = 0
    sent: bool = False
    task: asyncio.Task[str] = field(init=False)


class Calls:
    """The models of a run by role ("act", "construct", "judge", "judge-2", ...), asked through its cache.

    Equal questions to models of one name are one question, so a `salt` tells those apart that want
    answers of their own. Used by the tasks of one event loop, as an async context: what was sent is
    awaited at its end. The models remain the caller's to close. The folder is its own until then:
    raises Conflict where another process has it.

    A kill loses what it catches on the way: those calls are made, and may be billed, again. There are
    never more of them than `concurrency` per model.
    """

    def __init__(
        self,
        folder: Path,
        models: Mapping[str, LanguageModel],
        limits: CallLimits,
        settings: CallSettings = PATIENT,
        prices: Mapping[str, Price] = MappingProxyType({}),
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        if limits.cost is not None and (unpriced := sorted(models.keys() - prices.keys())):
            raise InvalidInput(f"a budget in money needs the prices of: {', '.join(unpriced)}", "prices")
        self._models, self._prices, self._settings = models, prices, settings
        self._lock = locked(folder)
        self._cache = CallCache(folder)
        charged, self._failures = self._cache.spent()
        self._budget = Budget(limits, charged)
        self._cached = 0
        self._places = {
            name: asyncio.Semaphore(settings.concurrency) for name in {one.name for one in models.values()}
        }
        self._flights: dict[bytes, _Flight] = {}
        self._tasks: set[asyncio.Task[str]] = set()
        self._chance, self._sleep = Random(settings.seed), sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Wait for what was sent, so that its answers are kept, and close the file."""
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            self._cache.close()
            self._lock.close()

    def spent(self) -> Spent:
        """What the run has spent so far, before its restarts too."""
        charge = self._budget.spent
        return Spent(
            charge.calls,
            self._cached,
            charge.tokens_in,
            charge.tokens_out,
            charge.cost,
            dict(sorted(self._failures.items())),
        )

    async def ask(
        self,
        role: str,
        system: str,
        prompt: str,
        read: Callable[[str], T],
        *,
        max_tokens: int = 1024,
        salt: str = "",
    ) -> T:
        """What `read` makes of the model's answer; it raises Unreadable to have the model asked again.

        Raises
        ------
        CallFailed
            No answer could be read ("unreadable"), or none came (the model seam's kind of failure).
        BudgetSpent
            The call might have gone over the budget and wasn't made.
        """
        if role not in self._models:
            raise InvalidInput(f"no model was given for the role {role!r}", "models")
        reason = "it was never asked"
        for attempt in range(self._settings.attempts):
            request = _Request(role, self._models[role], system, prompt, max_tokens, salt, attempt)
            key = request.key()
            answer = await self._answer(key, request)
            try:
                return read(answer)
            except Unreadable as error:
                reason = str(error)
            if await self._cache.mark_unreadable(key):
                self._failures[UNREADABLE] += 1
        times = f"{self._settings.attempts} answers of {self._models[role].name}"
        raise CallFailed(UNREADABLE, f"{times} as {role!r} weren't what was asked; the last one: {reason}")

    async def _answer(self, key: bytes, request: _Request) -> str:
        """The answer from the cache, from an equal call under way, or from the model."""
        if (flight := self._flights.get(key)) is None:
            flight = self._flights[key] = _Flight(request, key)
            flight.task = asyncio.create_task(self._fly(flight))
            self._tasks.add(flight.task)
            flight.task.add_done_callback(self._ended)
        else:
            self._cached += 1
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.sent:
                self._land(flight)
                flight.task.cancel()

    async def _fly(self, flight: _Flight) -> str:
        try:
            if (known := await self._cache.find(flight.key)) is not None:
                self._cached += 1
                return known
            # A call that waits for better times keeps its place: the fewer get through, the fewer are sent.
            async with self._places[flight.request.model.name]:
                return await self._persist(flight)
        finally:
            self._land(flight)

    def _ended(self, task: asyncio.Task[str]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # when nobody waits any more it isn't news

    def _land(self, flight: _Flight) -> None:
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]

    async def _persist(self, flight: _Flight) -> str:
        failed: Counter[str] = Counter()
        while True:
            try:
                return await self._send(flight)
            except ModelUnavailable as error:
                failed[error.kind] += 1
                if not flight.waiting or failed[error.kind] > self._settings.retries_after(error.kind):
                    raise CallFailed(error.kind, str(error)) from error
            await self._sleep(self._settings.wait_s(failed.total(), self._chance))

    async def _send(self, flight: _Flight) -> str:
        """One attempt, reserved before and on disk after. What may have been billed is charged in full."""
        request, price = flight.request, self._prices.get(flight.request.role, FREE)
        tokens_in = estimated_tokens(request.system) + estimated_tokens(request.prompt)
        paid = most = Charge.of(price, tokens_in, request.max_tokens)
        await self._budget.reserve(most)
        flight.sent = True
        try:
            answer = await request.model.complete(
                request.system,
                request.prompt,
                max_tokens=request.max_tokens,
                timeout_s=self._settings.timeout_s,
            )
            paid = Charge.of(price, tokens_in, min(estimated_tokens(answer), request.max_tokens))
            await self._keep(flight.key, ANSWERED, request, answer, paid)
        except ModelUnavailable as error:
            paid = NOTHING if error.kind in UNBILLED else most
            self._failures[error.kind] += 1
            await self._keep(secrets.token_bytes(16), error.kind, request, None, paid)
            raise
        finally:
            flight.sent = False
            self._budget.settle(most, paid)
        return answer

    async def _keep(self, key: bytes, kind: str, request: _Request, answer: str | None, paid: Charge) -> None:
        await self._cache.keep(Call(key, kind, request.role, request.model.name, answer, paid))
