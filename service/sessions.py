"""A person's session on the web pages: a cookie that stands for a key for some hours.

A cookie rather than HTTP Basic: a browser sends Basic's key with every request, those that a page of
elsewhere makes it send too, and can't be told to forget it. The cookie is `SameSite=Strict` and out
of reach of scripts, it holds no key, and it dies with its key, with its time, and with the process,
whose secret signs it. The keys' digests don't sign: who reads the database gets no sessions from it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers

COOKIE = "precedent_session"
LASTS_S = 12 * 3600

_VALUE = re.compile(r"(([0-9a-f]{12})\.([0-9]{1,12}))\.([0-9a-f]{64})", re.ASCII)


class Sessions:
    """Signs a key's id and an hour; nothing is kept, so there is nothing to overflow."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def begin(self, key: str, now: float) -> str:
        """The cookie of a session with this key."""
        told = f"{key}.{int(now) + LASTS_S}"
        return f"{told}.{self._signed(told)}"

    def key(self, cookie: str, now: float) -> str | None:
        """The id of the key that the session began with; None once it is over, or was never ours."""
        found = _VALUE.fullmatch(cookie)
        if found is None or not hmac.compare_digest(self._signed(found[1]), found[4]):
            return None
        return found[2] if now < int(found[3]) else None

    def _signed(self, told: str) -> str:
        return hmac.new(self._secret, told.encode(), hashlib.sha256).hexdigest()


def is_our_own(headers: Headers) -> bool:
    """Whether a page of this very service sent the request: browsers tell, and can't be made to lie.

    >>> is_our_own(Headers({"origin": "http://here:8000", "host": "here:8000"}))
    True
    >>> is_our_own(Headers({"origin": "http://elsewhere", "host": "here:8000"})), is_our_own(Headers({}))
    (False, False)
    """
    site = headers.get("sec-fetch-site")
    return _sent_here(headers) if site is None else site == "same-origin"


def is_of_elsewhere(headers: Headers) -> bool:
    """Whether a page of another site sent the request; programs tell nothing of the kind.

    >>> is_of_elsewhere(Headers({"sec-fetch-site": "cross-site"})), is_of_elsewhere(Headers({}))
    (True, False)
    """
    site = headers.get("sec-fetch-site")
    if site is None:
        return "origin" in headers and not _sent_here(headers)
    return site not in ("same-origin", "none")


def _sent_here(headers: Headers) -> bool:
    origin = headers.get("origin", "")
    try:
        return bool(origin) and urlsplit(origin).netloc == headers.get("host", "")
    except ValueError:
        return False
