"""API keys: how one is made, what it looks like, and by what it is known again."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import get_args

from indexing.errors import InvalidInput, NotFound
from indexing.keys import Grants, Key, KeyScope
from indexing.records import COLLECTION_NAME

SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)
MAX_NAME = 200
MAX_BOUND = 1_000
"""Collections that one scope of a key may be bound to."""

TOKEN = re.compile(r"prec_([0-9a-f]{12})_[0-9a-f]{64}", re.ASCII)
GIVEN = re.compile(r"(?:prec_)?([0-9a-f]{12})(?:_[0-9a-f]*)?", re.ASCII)
"""An id, or what was copied of a key."""
SECRET = re.compile(r"(prec_[0-9a-f]{12}_)[0-9a-f]+", re.ASCII)


def new_key(name: str, grants: Grants, now: float, expires_at: float | None = None) -> tuple[str, Key]:
    """A new key as its owner gets it, this once, and as it is kept."""
    id = secrets.token_hex(6)
    token = f"prec_{id}_{secrets.token_hex(32)}"
    return token, Key(id, name, digest_of(token), grants, now, expires_at)


def digest_of(token: str) -> bytes:
    """What is kept of a key: its SHA-256.

    A password needs a slow, salted hash, because people choose from few. A key's secret is 256 random
    bits: nobody tries them out, however fast the hash, and no two are the same. So the hash may be one
    that costs a request a microsecond.
    """
    return hashlib.sha256(token.encode()).digest()


def id_of(token: str) -> str | None:
    """The id within a key; None for what is no key."""
    found = TOKEN.fullmatch(token)
    return found[1] if found else None


def id_given(text: str) -> str:
    """The id by which somebody names a key, also out of a key; NotFound tells no secret again."""
    found = GIVEN.fullmatch(text.strip())
    if found is None:
        raise NotFound("that is no key's id; `precedent keys list` shows them")
    return found[1]


def without_secrets(text: str) -> str:
    """The text with keys in it known by their ids alone."""
    return SECRET.sub(r"\1…", text)


def parse_grants(scopes: Iterable[str], collections: Iterable[str] = ()) -> Grants:
    """Grants as they are written: `retrieve`, `write:rooms`, several with commas between.

    A scope without a collection of its own is bound to `collections`, to none of them (that is to
    all there ever are) where there aren't any. Raises InvalidInput.
    """
    bound: dict[KeyScope, set[str] | None] = {}
    everywhere = {_collection(name) for name in collections} or None
    for written in (part.strip() for given in scopes for part in given.split(",")):
        scope, colon, name = written.partition(":")
        if scope not in SCOPES:
            raise InvalidInput(f"no scope {scope[:80]!r}; there are {', '.join(SCOPES)}", "scope")
        names = {_collection(name)} if colon else everywhere
        before = bound.get(scope, set())
        bound[scope] = None if names is None or before is None else before | names
    if not bound:
        raise InvalidInput(f"a key needs a scope; there are {', '.join(SCOPES)}", "scope")
    if any(names is not None and len(names) > MAX_BOUND for names in bound.values()):
        raise InvalidInput(f"more than {MAX_BOUND:,} collections; leave the scope unbound", "scope")
    return {scope: None if names is None else frozenset(names) for scope, names in bound.items()}


def written_grants(grants: Grants) -> str:
    """Inverse of `parse_grants`: `retrieve,write:rooms`."""
    parts: list[str] = []
    for scope in SCOPES:
        names = grants.get(scope, frozenset())
        parts += [scope] if names is None else [f"{scope}:{name}" for name in sorted(names)]
    return ",".join(parts)


def scope_fields(grants: Grants) -> Mapping[str, list[str] | None]:
    """Grants as JSON: for each scope the collections it is bound to, null for all."""
    return {scope: None if names is None else sorted(names) for scope, names in grants.items()}


def _collection(name: str) -> str:
    if not re.fullmatch(COLLECTION_NAME, name, re.ASCII):
        raise InvalidInput(f"{name[:80]!r} can't name a collection: use a-z, 0-9, _ and -", "collection")
    return name
