"""The running service, asked over HTTP: alive, ready, and of the version that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

import httpx

from service.doctor.findings import Finding, ok, problem, warning
from service.settings import Settings

ABOUT = "service"
WITHIN_S = 5.0
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def address_of(settings: Settings) -> str:
    """Where the settings have the service answer."""
    host = ANYWHERE.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def check_running(url: str, *, expected: bool) -> Iterator[Finding]:
    """What a service says of itself; that none answers is a problem only where one is `expected`."""
    try:
        alive, ready = _asked(url)
    except httpx.RemoteProtocolError:
        yield _other(url, "it doesn't speak HTTP", expected=expected)
        return
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        yield _none(url, error, expected=expected)
        return
    if not _is_ours(alive):
        yield _other(url, f"it answers with status {alive.status_code}", expected=expected)
        return
    if ready.status_code != 200:
        yield problem(ABOUT, f"{url} isn't ready: {_detail(ready)}", "its log says more")
    else:
        yield ok(ABOUT, f"{url} is ready")
    if alive.status_code == 200 and (found := alive.json().get("version")) != version("precedent"):
        what = f"{url} runs version {found}, installed is {version('precedent')}"
        yield warning(ABOUT, what, "restart it")


def _asked(url: str) -> tuple[httpx.Response, httpx.Response]:
    with httpx.Client(base_url=url, timeout=WITHIN_S, trust_env=False) as client:
        return client.get("/health/live"), client.get("/health/ready")


def _is_ours(alive: httpx.Response) -> bool:
    """Whether this is how Precedent answers: with its version, or with a problem of its own."""
    try:
        told = alive.json()
    except ValueError:
        return False
    return isinstance(told, dict) and ("version" in told or str(told.get("type")).startswith("/problems/"))


def _none(url: str, error: Exception, *, expected: bool) -> Finding:
    told = f"no service answers at {url} ({type(error).__name__})"
    if not expected:
        return ok(ABOUT, told)
    plain = url.replace("https://", "http://", 1)
    if plain != url and _speaks_http(plain):
        return problem(ABOUT, f"what listens at {url} speaks http, not https", f"ask it with --url {plain}")
    return problem(ABOUT, told, "start it: precedent serve; its log says why it doesn't")


def _speaks_http(url: str) -> bool:
    try:
        return _is_ours(_asked(url)[0])
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def _other(url: str, how: str, *, expected: bool) -> Finding:
    told = f"something else listens at {url}: {how}"
    if expected:
        return problem(ABOUT, told, "correct --url")
    return warning(ABOUT, told, "choose another port with PRECEDENT_PORT, or stop what listens there")


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])[:300]
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
