"""Ids for records of public data: readable, stable from one import to the next, unique within it."""

from __future__ import annotations

import hashlib

from indexing.records import MAX_ID_LENGTH

_ROOM_FOR_COUNT = 12
_DIGEST_DIGITS = 32


class Ids:
    """Gives out the ids of one import; one that was given already gets "~2", "~3", …"""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    def unique(self, *parts: object) -> str:
        """The parts joined by "/", shortened by a digest where too long, told apart where repeated."""
        base = _shortened("/".join(str(part) for part in parts))
        candidate = base
        while candidate in self._times:
            self._times[base] += 1
            candidate = f"{base}~{self._times[base]}"
        self._times[candidate] = 1
        return candidate


def _shortened(name: str) -> str:
    longest = MAX_ID_LENGTH - _ROOM_FOR_COUNT
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_DIGITS]
    return f"{name[: longest - _DIGEST_DIGITS - 1]}-{digest}"
