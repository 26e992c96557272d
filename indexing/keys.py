"""An API key as it is kept: who may do what to which collections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

KeyScope: TypeAlias = Literal["retrieve", "write", "admin"]
Grants: TypeAlias = Mapping[KeyScope, frozenset[str] | None]
"""The scopes of a key, each with the names of the collections it is bound to; None: all there ever are."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its digest. Times are seconds since the epoch; `used_at` is right to the hour."""

    id: str
    name: str
    digest: bytes
    grants: Grants
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    used_at: float | None = None
