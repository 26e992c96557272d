"""Trajectories and documents over HTTP: bulk upsert, page, read, delete."""

from __future__ import annotations

import base64
import binascii
from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic_core import to_json
from starlette.convertors import Convertor, register_url_convertor

from indexing.errors import InvalidInput, NotFound
from indexing.library import Library
from indexing.records import MAX_ID_LENGTH
from indexing.store.records import Kind
from service.auditing import deed_of
from service.bodies import JSON_TYPE, media_type, pieces, read_body
from service.bulk import Batcher, BulkUpsert, LineSplitter
from service.caller import needs
from service.collections import CollectionName, collection_of
from service.problems import documented
from service.responses import BulkReport, DocumentOut, DocumentPage, TrajectoryOut, TrajectoryPage
from service.schemas import or_default
from service.state import Service, ServiceHere

NDJSON_TYPES = ("application/x-ndjson", "application/jsonl", "application/ndjson")
PAGE_BYTES = 32 << 20
"""A page ends early when it is this long."""

PLURALS: dict[Kind, str] = {"trajectory": "trajectories", "document": "documents"}
WRITE_PROBLEMS = ("not-found", "invalid-input", "overloaded", "unavailable", "storage-full")

Wait = Annotated[bool, Query(description="Answer only when it is searchable."), or_default(False)]


class Rest(Convertor[str]):
    """All that is left of a path, line breaks included."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("rest", Rest())


async def record_id(
    request: Request,
    collection: CollectionName,
    id: Annotated[str, Path(description="The rest of the path, percent-encoded; may hold `/`.")],  # noqa: ARG001
) -> str:
    """The id as the client encoded it: `%2F` and `/` are the same, and nothing else is taken for a path."""
    prefix = request.scope.get("root_path", "").encode()
    raw: bytes = request.scope["raw_path"].removeprefix(prefix)
    parts = raw.split(b"/", 4)
    try:
        name, decoded = (unquote_to_bytes(part).decode() for part in (parts[2], parts[4]))
    except (IndexError, UnicodeDecodeError):
        raise NotFound("the id isn't percent-encoded UTF-8") from None
    if name != collection:
        raise NotFound("no such collection: a name has no '/'")
    return decoded


RecordId = Annotated[str, Depends(record_id)]


async def upsert(service: Service, kind: Kind, collection: str, request: Request) -> BulkUpsert:
    """Keep what the body holds; memory stays flat however long an NDJSON body is."""
    row = await collection_of(service, collection)
    job = BulkUpsert(service.library, collection, kind, row.sequence)
    try:
        await _take(service, job, request)
    finally:
        deed_of(request).records = job.accepted + job.updated
    return job


async def _take(service: Service, job: BulkUpsert, request: Request) -> None:
    run = partial(to_thread.run_sync, limiter=service.storing)
    settings = service.settings
    if media_type(request, *NDJSON_TYPES, JSON_TYPE) == JSON_TYPE:
        advice = ", or as application/x-ndjson, which is read as a stream"
        body = await read_body(request, settings.max_array_bytes, advice)
        await run(job.array, body)
        return
    splitter, batcher = LineSplitter(), Batcher()
    async for piece in pieces(request, settings.max_body_bytes, "; what came before is kept"):
        for line in splitter.feed(piece):
            if batch := batcher.add(line):
                await run(job.lines, batch)
    for line in splitter.close():
        if batch := batcher.add(line):
            await run(job.lines, batch)
    await run(job.lines, batcher.take())


async def wait_for(service: Service, collection: str, sequence: int) -> None:
    """Return when everything up to `sequence` is searchable."""
    timeout = service.settings.wait_timeout_s
    await to_thread.run_sync(service.library.wait, collection, sequence, timeout, limiter=service.waiting)


def page(library: Library, collection: str, kind: Kind, after: str | None, limit: int) -> bytes:
    """A page of stored records as JSON, put together from their bytes as they are kept."""
    row = library.collection(collection)
    bodies: list[bytes] = []
    size, more = 0, True
    while more and len(bodies) < limit and size < PAGE_BYTES:
        wanted = min(limit - len(bodies), 50)
        found = library.records.page(row.id, kind, after, wanted + 1)
        more = len(found) > wanted
        for stored in found[:wanted]:
            bodies.append(stored.body)
            size += len(stored.body)
            after = stored.id
    cursor = to_json(write_cursor(after) if more and after is not None else None)
    return b'{"%s":[%s],"next_cursor":%s}' % (PLURALS[kind].encode(), b",".join(bodies), cursor)


def write_cursor(id: str) -> str:
    """An id as a cursor: opaque, and safe in a query string."""
    return base64.urlsafe_b64encode(id.encode()).decode()


def read_cursor(cursor: str | None) -> str | None:
    """Inverse of `write_cursor`, None for none; raises InvalidInput for what it didn't write."""
    if not cursor:
        return None
    try:
        id = base64.b64decode(cursor.encode("ascii"), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        id = ""
    if not 0 < len(id) <= MAX_ID_LENGTH or "\x00" in id or write_cursor(id) != cursor:
        raise InvalidInput("not a cursor of ours; send a `next_cursor` as it came, or none", "cursor")
    return id


def read(library: Library, collection: str, kind: Kind, id: str) -> bytes:
    """A stored record as JSON; raises NotFound."""
    row = library.collection(collection)
    _check_id(collection, kind, id)
    stored = library.records.get(row.id, kind, id)
    if stored is None:
        raise _no_record(collection, kind, id)
    return stored.body


def _check_id(collection: str, kind: Kind, id: str) -> None:
    if not 0 < len(id) <= MAX_ID_LENGTH or "\x00" in id:
        raise _no_record(collection, kind, id)


def _no_record(collection: str, kind: Kind, id: str) -> NotFound:
    return NotFound(f"no {kind} {id[:200]!r} in collection {collection!r}")


def json_response(body: bytes) -> Response:
    """JSON that is bytes already."""
    return Response(body, media_type=JSON_TYPE)


def _bulk_body(schema: str) -> dict[str, Any]:
    item = {"$ref": f"#/components/schemas/{schema}"}
    lines = {"type": "string", "description": f"One {schema} a line."}
    content: dict[str, Any] = {JSON_TYPE: {"schema": {"type": "array", "items": item}}}
    content |= {name: {"schema": lines} for name in NDJSON_TYPES[:1]}
    return {"requestBody": {"required": True, "content": content}}


def router(kind: Kind) -> APIRouter:
    """The calls for one kind of record."""
    plural = PLURALS[kind]
    one, many = (TrajectoryOut, TrajectoryPage) if kind == "trajectory" else (DocumentOut, DocumentPage)
    routes = APIRouter(prefix=f"/collections/{{collection}}/{plural}", tags=[plural])

    @routes.post(
        "",
        name=f"Upsert {plural}",
        operation_id=f"upsert_{plural}",
        response_model=BulkReport,
        responses=documented(*WRITE_PROBLEMS, "malformed", "too-slow", "too-large", "unsupported-media-type"),
        openapi_extra=_bulk_body(f"{kind.capitalize()}In"),
        dependencies=[needs("write")],
    )
    async def upsert_many(
        collection: CollectionName, service: ServiceHere, request: Request, wait: Wait = False
    ) -> Response:
        """Keep many records by id, on disk when it answers; bad lines are told, the others stand."""
        done = await upsert(service, kind, collection, request)
        if wait:
            await wait_for(service, collection, done.sequence)
        return json_response(to_json(done.report()))

    @routes.get(
        "",
        name=f"Page {plural}",
        operation_id=f"page_{plural}",
        response_model=many,
        responses=documented("not-found", "invalid-input", "overloaded"),
        dependencies=[needs("retrieve")],
    )
    async def read_many(
        collection: CollectionName,
        service: ServiceHere,
        cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000), or_default(100)] = 100,
    ) -> Response:
        """Whole records in the order of their ids."""
        call = partial(page, service.library, collection, kind, read_cursor(cursor), limit)
        return json_response(await to_thread.run_sync(call, limiter=service.storing))

    @routes.get(
        "/{id:rest}",
        name=f"Read a {kind}",
        operation_id=f"read_{kind}",
        response_model=one,
        responses=documented("not-found", "overloaded"),
        dependencies=[needs("retrieve")],
    )
    async def read_one(collection: CollectionName, id: RecordId, service: ServiceHere) -> Response:
        """One record as it is kept."""
        call = partial(read, service.library, collection, kind, id)
        return json_response(await to_thread.run_sync(call, limiter=service.storing))

    @routes.delete(
        "/{id:rest}",
        name=f"Delete a {kind}",
        operation_id=f"delete_{kind}",
        status_code=204,
        response_class=Response,
        responses=documented(*WRITE_PROBLEMS),
        dependencies=[needs("write")],
    )
    async def delete_one(
        collection: CollectionName, id: RecordId, service: ServiceHere, request: Request, wait: Wait = False
    ) -> Response:
        """Delete a record: it is in no answer any more when this one comes."""
        _check_id((await collection_of(service, collection)).name, kind, id)
        sequence = await to_thread.run_sync(
            service.library.delete, collection, kind, id, limiter=service.storing
        )
        deed_of(request).records = 1
        if wait:
            await wait_for(service, collection, sequence)
        return Response(status_code=204)

    return routes
