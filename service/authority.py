"""Which keys there are: the store's, in memory, half a second old at most."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time

from anyio import CapacityLimiter, to_thread

from indexing.errors import PrecedentError
from indexing.keys import Key
from indexing.store.keys import USED_EVERY_S, KeyStore
from service.caller import ANYONE, Caller, Unauthenticated
from service.keys import digest_of, id_of

log = logging.getLogger(__name__)

FRESH_S = 0.5
"""A revoked key opens nothing any more after this time, whichever process revoked it."""

LOOK_AGAIN_S = 0.1
"""How often the store is asked because of keys that nobody knows, however many come."""

NOBODY = bytes(32)
"""What a key of an unknown id is compared with, so that it takes as long as any other."""

SHOW_ONE = "send an API key: Authorization: Bearer prec_…; `precedent keys create` makes one"


class Authority:
    """Knows callers by their keys; `open` says whether it asks for any while there are none at all."""

    def __init__(self, store: KeyStore, open: bool) -> None:
        self._store = store
        self._open = open
        self._keys: dict[str, Key] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()
        self._thread = CapacityLimiter(1)
        self._used: dict[str, float] = {}

    async def asks(self) -> bool:
        """Whether a key is needed. One that is revoked or expired still counts: its end opens nothing."""
        await self._renewed(time.monotonic() - FRESH_S)
        return bool(self._keys) or not self._open

    async def caller(self, token: str | None) -> Caller:
        """Who shows this key; raises Unauthenticated."""
        if not await self.asks():
            return ANYONE
        if token is None:
            raise Unauthenticated(SHOW_ONE)
        id = id_of(token)
        if id is None:
            raise Unauthenticated(f"that is no API key; {SHOW_ONE}", shown=True)
        if id not in self._keys:  # it may have been made just now
            await self._renewed(time.monotonic())
        key = self._keys.get(id)
        if not hmac.compare_digest(digest_of(token), key.digest if key else NOBODY) or key is None:
            raise Unauthenticated("no such API key; check that it is whole", shown=True)
        return self._let_in(key)

    async def owner(self, id: str) -> Caller:
        """Who bears the key of this id, which was shown before; raises Unauthenticated."""
        await self._renewed(time.monotonic() - FRESH_S)
        if (key := self._keys.get(id)) is None:
            raise Unauthenticated("this key is no more", shown=True)
        return self._let_in(key)

    def keep_uses(self) -> None:
        """Write down when keys were last used, each once an hour. Blocks."""
        used, self._used = self._used, {}
        for id, at in list(used.items()):  # the event loop may just be adding one
            try:
                self._store.used(id, at)
            except PrecedentError as error:
                log.warning("when key %s was last used isn't kept: %s", id, error)

    def _let_in(self, key: Key) -> Caller:
        now = time.time()
        if key.revoked_at is not None:
            raise Unauthenticated(f"key {key.id} was revoked; ask the operator for another", shown=True)
        if key.expires_at is not None and key.expires_at <= now:
            raise Unauthenticated(f"key {key.id} has expired; ask the operator for another", shown=True)
        if key.used_at is None or key.used_at <= now - USED_EVERY_S:
            self._used.setdefault(key.id, now)
        return Caller(key.id, key.grants)

    async def _renewed(self, since: float) -> None:
        """Return when the keys are known as they were at `since` (time.monotonic) or later.

        Whoever comes while the store is read waits for that one reading; where it can't be read
        nobody is let in, and the error says why.
        """
        if self._read_at >= since:
            return
        async with self._lock:
            if self._read_at >= since:
                return
            await asyncio.sleep(max(0.0, self._read_at + LOOK_AGAIN_S - time.monotonic()))
            begun = time.monotonic()
            found = await to_thread.run_sync(self._store.list, limiter=self._thread)
            self._keys = {key.id: key for key in found}
            self._read_at = begun
