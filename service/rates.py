"""How often each key may call: a bucket of requests that refills, in this process's memory."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.caller import NO_KEY, entered
from service.problems import problem
from service.settings import Settings

DEFAULT_RATE = 200.0
"""Requests a second of one key, where no other number is set and keys are in use."""

MOST_BUCKETS = 10_000
"""Keys whose buckets are kept; the one used longest ago goes first, and comes back full."""

POLICY = "key"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a request: whether it may pass, how many more may, when one may, when all may again."""

    passes: bool
    left: int
    next_s: float
    full_s: float


class Buckets:
    """A bucket of `burst` requests for each key, refilled at `rate` a second; memory is bounded."""

    def __init__(
        self, rate: float, burst: int, most: int = MOST_BUCKETS, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = burst
        self._most = most
        self._now = now
        self._filled_at: OrderedDict[str, float] = OrderedDict()
        """When each bucket is full again: all that there is to know of it."""

    def __len__(self) -> int:
        return len(self._filled_at)

    def take(self, key: str) -> Taken:
        """Take one request out of a key's bucket, if there is one."""
        now = self._now()
        filled_at = max(self._filled_at.get(key, now), now) + 1 / self.rate
        over_s = filled_at - now - self.burst / self.rate
        if over_s > 1e-9:
            return Taken(False, 0, over_s, filled_at - 1 / self.rate - now)
        self._filled_at[key] = filled_at
        self._filled_at.move_to_end(key)
        if len(self._filled_at) > self._most:
            self._filled_at.popitem(last=False)
        return Taken(True, max(0, math.floor(-over_s * self.rate + 1e-6)), 0.0, filled_at - now)


class RateLimits:
    """Middleware that tells each caller how many requests are left, and 429 when none is.

    The fields are those of the IETF's draft-ietf-httpapi-ratelimit-headers, revision 11: the policy's
    quota `q` and the window `w` in seconds in which an empty bucket is full again; `r` requests left
    now, `t` seconds until all of them are.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        rate = DEFAULT_RATE if settings.rate_limit is None else settings.rate_limit
        self._buckets = Buckets(rate, settings.rate_burst) if rate else None
        self._without_keys = settings.rate_limit is not None
        window = math.ceil(settings.rate_burst / rate) if rate else 0
        self._policy = f'"{POLICY}";q={settings.rate_burst};w={window}'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = entered(scope)
        if self._buckets is None or caller is None or (caller.key == NO_KEY and not self._without_keys):
            await self.app(scope, receive, send)
            return
        taken = self._buckets.take(caller.key)
        fields = {
            "RateLimit-Policy": self._policy,
            "RateLimit": f'"{POLICY}";r={taken.left};t={math.ceil(taken.full_s)}',
        }
        if not taken.passes:
            wait = max(1, math.ceil(taken.next_s))
            told = f"more than {self._buckets.rate:g} requests a second with one key; try again in {wait} s"
            answer = problem("rate-limited", told, headers={**fields, "Retry-After": str(wait)})
            await answer(scope, receive, send)
            return

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(fields)
            await send(message)

        await self.app(scope, receive, telling)
