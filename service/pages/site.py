"""What every page shares: how it is made, what a browser may do with it, how a problem is told."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import cache, partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from pydantic_core import from_json

from indexing.errors import PrecedentError
from service.caller import entered, names_seen
from service.pages.assets import named
from service.pages.wording import FILTERS
from service.problems import InvalidFields, faults_of, of_error
from service.sessions import COOKIE
from service.state import service_of

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@cache
def templates() -> Environment:
    """The templates; those of the comparison's drawings are found after our own."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("service"), PackageLoader("evaluation")]),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    environment.globals["asset"] = named
    return environment


async def page(request: Request, template: str, status: int = 200, **shown: Any) -> Response:
    """A page; made in a thread, for it may be long. `address` in it is that of its collection."""
    base = request.scope.get("root_path", "")
    places = {
        "base": base,
        "root": f"{base}/ui",
        "address": f"{base}/ui/{request.path_params.get('collection')}",
        "signed_in": COOKIE in request.cookies,
        "bound": _is_bound(request),
    }
    render = partial(templates().get_template(template).render, **places, **shown)
    service = service_of(request)
    text = await to_thread.run_sync(render, limiter=service.storing)
    return Response(text, status, HEADERS, "text/html")


def _is_bound(request: Request) -> bool:
    """Whether the caller sees some collections only."""
    caller = entered(request.scope)
    return caller is not None and caller.names("retrieve") is not None


class Page(APIRoute):
    """A route whose problems are told as a page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                told = of_error(InvalidFields(faults_of(error)))
            except PrecedentError as error:
                told = of_error(error)
            shown = from_json(bytes(told.body))
            made = await page(request, "problem.html", told.status_code, problem=shown)
            if "Retry-After" in told.headers:
                made.headers["Retry-After"] = told.headers["Retry-After"]
            return made

        return handled


Names = Annotated[frozenset[str] | None, Depends(names_seen)]
"""The collections that a caller may see on pages which are not of one collection; None: all."""


def may_see(names: frozenset[str] | None, *collections: str) -> bool:
    """Whether all of these may be seen; what is of no collection is for those who may see all."""
    return names is None or (bool(collections) and names.issuperset(collections))


def pages() -> APIRouter:
    """A router for pages; no name of a collection begins with `-`, so what isn't one's is under `/-/`.

    Its own prefix, not that of who includes it: so each route knows its whole address, and log, metrics
    and traces call it by that.
    """
    return APIRouter(prefix="/ui", include_in_schema=False, route_class=Page)
