"""API keys: that there are some where others reach the service, and that they open it for a while yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from indexing.keys import Key
from service.doctor.findings import Finding, ok, problem, warning
from service.settings import Settings, is_loopback

ABOUT = "keys"
CREATE = "make one: precedent keys create"
SOON_S = 14 * 86_400


def check_keys(keys: Sequence[Key], settings: Settings, now: float) -> Iterator[Finding]:
    """Whether who should be let in is, and nobody else; tells ids, never what a key is known by."""
    if not keys:
        yield _without_any(settings)
        return
    active = [
        key for key in keys if key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
    ]
    if not active:
        yield problem(ABOUT, "each is revoked or has expired: the service lets nobody in", CREATE)
        return
    yield ok(ABOUT, f"{len(active):,} of {len(keys):,} open something")
    for key in active:
        if key.expires_at is not None and key.expires_at < now + SOON_S:
            days = (key.expires_at - now) / 86_400
            yield warning(
                ABOUT, f"key {key.id} expires in {days:.0f} days", f"{CREATE}, and give it out in time"
            )


def _without_any(settings: Settings) -> Finding:
    if is_loopback(settings.host):
        return ok(ABOUT, f"there are none, and {settings.host} is reached from this machine only")
    if settings.insecure:
        return warning(ABOUT, f"there are none: who reaches {settings.host} may read and write", CREATE)
    return problem(ABOUT, f"there are none, so the service doesn't start on {settings.host}", CREATE)
