"""Collections over HTTP: list, create or change, describe, remove, reindex, roll back."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Request, Response
from pydantic_core import to_json

from indexing.errors import Conflict, InvalidInput, NotFound, PrecedentError
from indexing.library import Library
from indexing.normalizers import normalizer
from indexing.records import COLLECTION_NAME
from indexing.settings import CollectionSettings
from indexing.store.catalog import Collection
from indexing.tokens import tokenizer
from service.auditing import deed_of
from service.bodies import JSON_TYPE, read_optional_json
from service.caller import CallerHere, needs
from service.jobs import describe_job
from service.problems import documented
from service.responses import CollectionList, CollectionOut, JobOut, RollbackOut
from service.schemas import ReindexIn, SettingsIn
from service.settings import Settings
from service.state import Service, ServiceHere

MAX_SETTINGS_BYTES = 1 << 20

CollectionName = Annotated[
    str, Path(description="Name of the collection.", json_schema_extra={"pattern": COLLECTION_NAME})
]
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {JSON_TYPE: {"schema": {"$ref": "#/components/schemas/SettingsIn"}}},
    }
}
_REINDEX_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {JSON_TYPE: {"schema": {"$ref": "#/components/schemas/ReindexIn"}}},
    }
}
_CREATED: dict[int | str, dict[str, Any]] = {201: {"model": CollectionOut, "description": "Created."}}
_ENTERED: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "A job will build a new generation and serve it.",
        "headers": {"Location": {"schema": {"type": "string"}, "description": "Address of the job."}},
    }
}
_BODY_PROBLEMS = (
    "malformed",
    "too-slow",
    "invalid-input",
    "too-large",
    "unsupported-media-type",
    "unavailable",
    "storage-full",
)

router = APIRouter(prefix="/collections", tags=["collections"])


async def collection_of(service: Service, name: str) -> Collection:
    """The collection's row; raises NotFound."""
    if not is_name(name):
        raise NotFound(f"no collection {name[:80]!r}; a name is lower-case letters, digits, '_' and '-'")
    return await to_thread.run_sync(service.library.collection, name, limiter=service.storing)


def is_name(name: str) -> bool:
    """Whether a collection may be called so."""
    return re.fullmatch(COLLECTION_NAME, name, re.ASCII) is not None and not name.endswith("\n")


def check_settings(settings: Settings, changes: dict[str, Any]) -> None:
    """Raise InvalidInput for settings that no generation could be built with."""
    if (embedder := changes.get("embedder")) is not None:
        settings.check_embedder(embedder)
    if (name := changes.get("tokenizer")) is not None:
        settings.check_tokenizer(name)
        tokenizer(name)
    if (rules := changes.get("observation_normalizer")) is not None:
        normalizer(rules)


def describe(library: Library, row: Collection) -> dict[str, Any]:
    """A collection with its settings, counts and generations."""
    generations = library.catalog.generations(row.id)
    return {
        "name": row.name,
        "settings": CollectionSettings().updated(row.settings).to_fields(),
        "counts": {
            "trajectories": library.records.count(row.id, "trajectory"),
            "documents": library.records.count(row.id, "document"),
            "delta": _delta(library, row.name),
        },
        "generation": row.generation,
        "sequence": row.sequence,
        "created_at": row.created_at,
        "generations": [
            {
                "id": one.id,
                "state": one.state,
                "sequence": one.sequence,
                "created_at": one.created_at,
                "settings": one.manifest["settings"],
                "bytes": sum(file["size"] for file in one.manifest["files"].values()),
            }
            for one in generations
        ],
    }


def _delta(library: Library, name: str) -> int | None:
    try:
        return library.live(name).delta
    except PrecedentError:  # it can't be loaded; that is told where it is searched
        return None


def _create(library: Library, name: str, changes: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    try:
        row, created = library.create(name, changes)
    except Conflict:  # somebody else has just created it
        row, created = library.create(name, changes)
    return describe(library, row), created


def _list(library: Library, names: frozenset[str] | None) -> bytes:
    return to_json({"collections": [describe(library, row) for row in library.catalog.list(names)]})


def _answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body if isinstance(body, bytes) else to_json(body), status, headers, JSON_TYPE)


@router.get(
    "",
    operation_id="list_collections",
    response_model=CollectionList,
    responses=documented("overloaded"),
    dependencies=[needs(None)],
)
async def list_collections(service: ServiceHere, caller: CallerHere) -> Response:
    """The collections that the caller has a scope for, by name, with counts and the served generation."""
    call = partial(_list, service.library, caller.names(None))
    return _answer(await to_thread.run_sync(call, limiter=service.storing))


@router.put(
    "/{collection}",
    operation_id="put_collection",
    status_code=200,
    response_model=CollectionOut,
    responses=documented(*_BODY_PROBLEMS, "conflict", "overloaded") | _CREATED,
    openapi_extra=_BODY,
    dependencies=[needs("admin")],
)
async def put_collection(collection: CollectionName, service: ServiceHere, request: Request) -> Response:
    """Create a collection, or change settings of the one there is; every setting has a default.

    `embedder`, `observation_normalizer` and `tokenizer` take effect with the next generation.
    """
    if not is_name(collection):
        raise InvalidInput(
            "a collection's name is 1 to 64 lower-case letters, digits, '_' and '-', a letter or digit first",
            "collection",
        )
    changes = (await read_optional_json(request, SettingsIn, MAX_SETTINGS_BYTES)).changes()
    check_settings(service.settings, changes)
    call = partial(_create, service.library, collection, changes)
    body, created = await to_thread.run_sync(call, limiter=service.storing)
    return _answer(body, 201 if created else 200)


@router.get(
    "/{collection}",
    operation_id="describe_collection",
    response_model=CollectionOut,
    responses=documented("not-found", "overloaded"),
    dependencies=[needs(None)],
)
async def describe_collection(collection: CollectionName, service: ServiceHere) -> Response:
    """Settings, counts, generations."""
    row = await collection_of(service, collection)
    return _answer(await to_thread.run_sync(describe, service.library, row, limiter=service.storing))


@router.delete(
    "/{collection}",
    operation_id="remove_collection",
    status_code=204,
    response_class=Response,
    responses=documented("not-found", "overloaded", "storage-full"),
    dependencies=[needs("admin")],
)
async def remove_collection(collection: CollectionName, service: ServiceHere) -> Response:
    """Remove a collection with all its records and generations."""
    await collection_of(service, collection)
    await to_thread.run_sync(service.library.remove, collection, limiter=service.storing)
    return Response(status_code=204)


@router.post(
    "/{collection}/reindex",
    operation_id="reindex_collection",
    status_code=202,
    response_model=JobOut,
    responses=documented(*_BODY_PROBLEMS, "not-found", "conflict", "overloaded") | _ENTERED,
    openapi_extra=_REINDEX_BODY,
    dependencies=[needs("admin")],
)
async def reindex_collection(collection: CollectionName, service: ServiceHere, request: Request) -> Response:
    """Build a new generation, also with other settings, beside the served one, then serve it.

    With `dry_run` it is built, checked and compared, and nothing changes.
    """
    await collection_of(service, collection)
    asked = await read_optional_json(request, ReindexIn, MAX_SETTINGS_BYTES)
    changes = asked.changes()
    check_settings(service.settings, changes)
    call = partial(service.jobs.submit, collection, changes, asked.dry_run is True)
    job = await to_thread.run_sync(call, limiter=service.storing)
    deed = deed_of(request)
    deed.subject, deed.call_off = job.id, partial(service.jobs.call_off, job.id)
    return _answer(describe_job(job, None), 202, {"Location": f"/jobs/{job.id}"})


@router.post(
    "/{collection}/rollback",
    operation_id="rollback_collection",
    response_model=RollbackOut,
    responses=documented(
        *("not-found", "conflict", "embedder-mismatch", "overloaded"),
        *("corrupt-generation", "unavailable", "storage-full"),
    ),
    dependencies=[needs("admin")],
)
async def rollback_collection(collection: CollectionName, service: ServiceHere, request: Request) -> Response:
    """Serve the generation before the served one, with its settings; where it is damaged, nothing changes."""
    await collection_of(service, collection)
    generation = await to_thread.run_sync(service.library.rollback, collection, limiter=service.storing)
    deed_of(request).subject = generation
    return _answer({"generation": generation})
