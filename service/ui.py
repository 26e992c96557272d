"""`/ui`: the collections as web pages, to ask what an agent would ask and to see what it would get.

Made on the server: no script, nothing from elsewhere. What comes from records is untrusted; the
templates escape all of it and the policy lets nothing run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, get_args

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic_core import from_json

from indexing.errors import NotFound, PrecedentError
from indexing.library import Library
from indexing.records import Trajectory, trajectory_from_bytes
from indexing.store.catalog import Collection
from service.bodies import media_type, read_body
from service.caller import names_seen
from service.collections import CollectionName, collection_of, describe
from service.problems import InvalidFields, NotReady, faults_of, of_error
from service.retrieval import answer, write_queries
from service.schemas import RetrieveIn, Strategy
from service.state import Service, ServiceHere, service_of
from service.ui_situation import Form, Standing, read_form, standing

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STYLE = Path(__file__).parent / "static" / "ui.css"
FORM_TYPE = "application/x-www-form-urlencoded"
LISTED = 20
"""Stored episodes on one page."""


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = lambda at: time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))
    return environment


async def _page(request: Request, template: str, status: int = 200, **shown: Any) -> Response:
    """A page; made in a thread, for it may be long."""
    root = request.scope.get("root_path", "")
    render = partial(_templates().get_template(template).render, root=root, **shown)
    service = service_of(request)
    text = await to_thread.run_sync(render, limiter=service.storing)
    return Response(text, status, HEADERS, "text/html")


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
            page = await _page(request, "problem.html", told.status_code, problem=from_json(bytes(told.body)))
            if "Retry-After" in told.headers:
                page.headers["Retry-After"] = told.headers["Retry-After"]
            return page

        return handled


router = APIRouter(prefix="/ui", include_in_schema=False, route_class=Page)


@router.get("")
async def home(service: ServiceHere, request: Request) -> Response:
    """The collections that the caller may ask."""
    names = await names_seen(request)
    shown = await to_thread.run_sync(_described, service.library, names, limiter=service.storing)
    return await _page(request, "home.html", collections=shown)


@router.get("/static/ui.css")
async def style() -> Response:
    """The one style sheet."""
    return FileResponse(STYLE, media_type="text/css", headers={"X-Content-Type-Options": "nosniff"})


@router.get("/{collection}")
async def show(
    collection: CollectionName,
    service: ServiceHere,
    request: Request,
    trajectory: str | None = None,
    step: Annotated[int | None, Query(ge=0)] = None,
    after: str | None = None,
) -> Response:
    """The form, filled in from a stored episode; with the answer where the episode was named."""
    row = await collection_of(service, collection)
    here = await to_thread.run_sync(
        _standing, service.library, row, trajectory, step, limiter=service.storing
    )
    asked = here.request(collection) if here and trajectory is not None else None
    found = await _found(service, asked) if asked else None
    form = here.form() if here else Form()
    return await _collection_page(request, row, form=form, found=found, here=here, after=after)


@router.post("/{collection}")
async def ask(collection: CollectionName, service: ServiceHere, request: Request) -> Response:
    """The form as it was sent, and the answer to it."""
    row = await collection_of(service, collection)
    media_type(request, FORM_TYPE)
    body = await read_body(request, service.settings.max_retrieve_bytes)
    form = await to_thread.run_sync(read_form, body)
    try:
        asked = await to_thread.run_sync(form.request, collection)
    except InvalidFields as error:
        return await _collection_page(request, row, 422, form=form, faults=error.faults)
    return await _collection_page(request, row, form=form, found=await _found(service, asked))


async def _found(service: Service, asked: RetrieveIn) -> dict[str, Any]:
    """What an agent would get."""
    if not service.readiness.loaded:
        raise NotReady("the collections are being loaded; try again in a second")
    arrived = time.monotonic()
    deadline = arrived + asked.deadline_ms / 1e3
    written = await write_queries(service.writer, asked, deadline)
    found = await service.searching.run(partial(answer, service.library, asked, written, deadline), deadline)
    found["timings_ms"]["total"] = round((time.monotonic() - arrived) * 1e3, 3)
    return found


def _described(library: Library, names: frozenset[str] | None) -> list[dict[str, Any]]:
    return [describe(library, row) for row in library.catalog.list(names)]


def _standing(library: Library, row: Collection, id: str | None, step: int | None) -> Standing | None:
    """A step of the trajectory named, else of the first there is; raises NotFound."""
    if id is None:
        stored = next(iter(library.records.page(row.id, "trajectory", None, 1)), None)
    elif (stored := library.records.get(row.id, "trajectory", id)) is None:
        raise NotFound(f"no trajectory {id[:200]!r} in collection {row.name!r}")
    return standing(trajectory_from_bytes(stored.body), step) if stored else None


def _episodes(library: Library, row: Collection, after: str | None) -> tuple[list[Trajectory], str | None]:
    """Some stored episodes in the order of their ids, and after which id there are more."""
    found = library.records.page(row.id, "trajectory", after, LISTED + 1)
    more = found[LISTED - 1].id if len(found) > LISTED else None
    return [trajectory_from_bytes(stored.body) for stored in found[:LISTED]], more


async def _collection_page(
    request: Request,
    row: Collection,
    status: int = 200,
    *,
    form: Form,
    found: dict[str, Any] | None = None,
    here: Standing | None = None,
    faults: Sequence[tuple[str, str]] = (),
    after: str | None = None,
) -> Response:
    service = service_of(request)
    listing = partial(_episodes, service.library, row, after)
    episodes, more = await to_thread.run_sync(listing, limiter=service.storing)
    described = await to_thread.run_sync(describe, service.library, row, limiter=service.storing)
    return await _page(
        request,
        "collection.html",
        status,
        collection=described,
        form=form,
        found=found,
        here=here,
        faults=faults,
        episodes=episodes,
        more=more,
        strategies=get_args(Strategy),
    )
