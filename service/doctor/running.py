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
        with httpx.Client(base_url=url, timeout=WITHIN_S, trust_env=False) as client:
            alive = client.get("/health/live")
            ready = client.get("/health/ready")
            found = alive.json().get("version")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError) as error:
        told = f"no service answers at {url} ({type(error).__name__})"
        start = "start it: precedent serve; its log says why it doesn't"
        yield problem(ABOUT, told, start) if expected else ok(ABOUT, told)
        return
    if ready.status_code != 200:
        yield problem(ABOUT, f"{url} isn't ready: {_detail(ready)}", "its log says more")
    else:
        yield ok(ABOUT, f"{url} is ready")
    if found != version("precedent"):
        what = f"{url} runs version {found}, installed is {version('precedent')}"
        yield warning(ABOUT, what, "restart it")


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])[:300]
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
