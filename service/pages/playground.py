"""`/ui/{collection}/ask`: a situation, what each strategy answers to it, and why."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from anyio import to_thread
from fastapi import Request, Response

from indexing.errors import InvalidFilter, NotFound
from indexing.library import Library
from indexing.records import MAX_ID_LENGTH, trajectory_from_bytes
from indexing.store.catalog import Collection
from service.bodies import media_type, read_body
from service.collections import CollectionName, collection_of
from service.pages.columns import Column, answers, explained
from service.pages.site import page, pages
from service.pages.situation import (
    EDITABLE,
    SHAREABLE,
    STRATEGIES,
    Form,
    Standing,
    chosen,
    read_form,
    standing,
)
from service.problems import InvalidFields
from service.schemas import RetrieveIn
from service.state import Service, ServiceHere
from service.visible import readable_json

NEAR = 9
"""Steps to either side of the present one that a page leads to."""

FORM_TYPE = "application/x-www-form-urlencoded"

router = pages()


@router.get("/{collection}/ask")
async def show(collection: CollectionName, service: ServiceHere, request: Request) -> Response:
    """The form as the address says, and the answers to it where it says enough."""
    row = await collection_of(service, collection)
    form = read_form(request.url.query)
    return await _playground(request, service, row, form)


@router.post("/{collection}/ask")
async def ask(collection: CollectionName, service: ServiceHere, request: Request) -> Response:
    """The form as it was sent: as an address that can be shared if that is short, else answered here."""
    row = await collection_of(service, collection)
    media_type(request, FORM_TYPE)
    body = await read_body(request, service.settings.max_retrieve_bytes)
    form = await to_thread.run_sync(read_form, body.decode("ascii", "replace"))
    here = await _standing(service, row, form)
    form = await to_thread.run_sync(form.shortened, here)
    if len(query := form.query()) <= SHAREABLE:
        address = f"{request.scope.get('root_path', '')}/ui/{row.name}/ask"
        return Response(status_code=303, headers={"Location": f"{address}?{query}" if query else address})
    return await _playground(request, service, row, form, here)


async def _playground(
    request: Request, service: Service, row: Collection, form: Form, here: Standing | None = None
) -> Response:
    here = here or await _standing(service, row, form)
    shown: dict[str, Any] = {
        "collection": row,
        "form": form,
        "here": here,
        "faults": (),
        "columns": (),
        "asked": None,
    }
    if not form.asks:
        return await page(request, "playground.html", **shown, **_choices(form, here))
    try:
        asked = await to_thread.run_sync(form.requests, row.name, here)
    except InvalidFields as error:
        return await _refused(request, shown, error.faults)
    except InvalidFilter as error:
        return await _refused(request, shown, [(error.field or "filter", str(error))])
    columns = await _explained(service, asked, here if here and not form.is_edited else None)
    return await page(
        request,
        "playground.html",
        **shown | {"columns": columns, "asked": _as_sent(asked[0])},
        **_choices(form, here),
    )


async def _refused(request: Request, shown: dict[str, Any], faults: Sequence[tuple[str, str]]) -> Response:
    choices = _choices(shown["form"], shown["here"])
    return await page(request, "playground.html", 422, **shown | {"faults": faults}, **choices)


async def _explained(service: Service, asked: Sequence[RetrieveIn], here: Standing | None) -> list[Column]:
    columns = await answers(service, asked)
    work = partial(explained, columns, asked[0].observation, here.action if here else None)
    return await to_thread.run_sync(work, limiter=service.storing)


async def _standing(service: Service, row: Collection, form: Form) -> Standing | None:
    step = form.step_number()
    reading = partial(_stored, service.library, row, form.trajectory, step, first=not form.asks)
    return await to_thread.run_sync(reading, limiter=service.storing)


def _stored(
    library: Library, row: Collection, id: str | None, step: int | None, *, first: bool
) -> Standing | None:
    """A step of the trajectory named; without a name of the first there is, if that is wanted."""
    if id is None:
        found = library.records.page(row.id, "trajectory", None, 1) if first else ()
        return next((standing(trajectory_from_bytes(one.body), step) for one in found), None)
    stored = library.records.get(row.id, "trajectory", id) if len(id) <= MAX_ID_LENGTH else None
    if stored is None:
        raise NotFound(f"no trajectory {id[:200]!r} in collection {row.name!r}")
    return standing(trajectory_from_bytes(stored.body), step)


def _choices(form: Form, here: Standing | None) -> dict[str, Any]:
    """What the form's fields hold; None for a text that is too long to be edited."""
    texts = {
        name: given if (given := getattr(form, name)) is not None else _short(getattr(here, name, ""))
        for name in ("instruction", "observation")
    }
    exclude = form.exclude if form.exclude is not None else here.trajectory.id if here else ""
    around = steps_around(here.index, len(here.trajectory.steps)) if here else []
    return {**texts, "exclude": exclude, "chosen": chosen(form), "strategies": STRATEGIES, "around": around}


def steps_around(index: int, count: int) -> list[int | None]:
    """Steps to go to: those near, the first and the last; None where some are left out.

    >>> steps_around(20, 40)[:4]
    [0, None, 11, 12]
    """
    near = [0, *range(max(1, index - NEAR), min(count - 1, index + NEAR + 1)), count - 1]
    found: list[int | None] = []
    for step in sorted(set(near)):
        if found and step - (found[-1] or 0) > 1:
            found.append(None)
        found.append(step)
    return found


def _short(text: str) -> str | None:
    return text if len(text) <= EDITABLE else None


def _as_sent(asked: RetrieveIn) -> str | None:
    """The request for a program, where it is short enough to be read."""
    body = asked.model_dump(mode="json", exclude_defaults=True)
    told = readable_json(body | {"strategy": asked.strategy})
    return told if len(told) <= EDITABLE else None
