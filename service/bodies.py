"""Reading what a client sends: bounded, decompressed, decoded, and never on the event loop for long."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from email.message import Message
from typing import TypeVar

from anyio import to_thread
from fastapi import Request
from pydantic import BaseModel, ValidationError

from indexing.errors import TooLarge
from service.problems import InvalidFields, Malformed, TooSlow, UnsupportedMediaType, faults_of

M = TypeVar("M", bound=BaseModel)

JSON_TYPE = "application/json"
INFLATED_BYTES = 256 * 1024
IDLE_S = 60.0
"""How long a body may stand still."""

PARSED_IN_LOOP = 64 * 1024
"""A body up to this size is parsed at once; a longer one in a thread."""

_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})


def media_type(request: Request, *accepted: str) -> str:
    """The content type, one of `accepted`; raises UnsupportedMediaType otherwise.

    A missing one is refused too: a web page of somebody else's could make a browser send that.
    """
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    found = header.get_content_type() if request.headers.get("content-type") else ""
    if found not in accepted:
        sent = f"content type {found[:80]!r}" if found else "a body without a content type"
        raise UnsupportedMediaType(f"can't read {sent}; send {' or '.join(accepted)}", ", ".join(accepted))
    charset = str(header.get_param("charset", "utf-8")).lower()
    if charset not in _UTF8:
        raise UnsupportedMediaType(f"can't read charset {charset[:40]!r}; send UTF-8", ", ".join(accepted))
    return found


async def pieces(request: Request, limit: int, advice: str = "") -> AsyncIterator[bytes]:
    """The body piece by piece, gunzipped where it says so, at most `limit` bytes of it.

    Raises
    ------
    TooLarge
        When the body, or what it unpacks to, is longer.
    TooSlow
        When nothing of it comes for a minute.
    """
    told = f"the body is over {limit:,} bytes; send less at once{advice}"
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise TooLarge(told)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise UnsupportedMediaType(f"can't read content encoding {encoding[:40]!r}; send gzip or none", "*/*")
    size = 0
    stream = _in_time(request.stream())
    async for piece in stream if encoding == "identity" else _gunzipped(stream):
        size += len(piece)
        if size > limit:
            raise TooLarge(told)
        yield piece


async def _in_time(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The stream, as long as it doesn't stand still; raises TooSlow."""
    while True:
        try:
            async with asyncio.timeout(IDLE_S):
                piece = await anext(stream, None)
        except TimeoutError:
            raise TooSlow(f"nothing of the body came for {IDLE_S:g} s; send it again") from None
        if piece is None:
            return
        yield piece


async def _gunzipped(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    inflate = zlib.decompressobj(wbits=31)
    open_member = False
    async for chunk in stream:
        waiting, more = chunk, False
        while waiting or more:
            open_member = True
            try:
                piece = await to_thread.run_sync(inflate.decompress, waiting, INFLATED_BYTES)
            except zlib.error as error:
                raise Malformed(f"the body is not gzip: {error}") from None
            if piece:
                yield piece
            waiting, more = inflate.unconsumed_tail, len(piece) == INFLATED_BYTES
            if inflate.eof:  # another member may follow
                waiting, more, inflate = inflate.unused_data, False, zlib.decompressobj(wbits=31)
                open_member = False
    if open_member:
        raise Malformed("the gzip body breaks off")


async def read_body(request: Request, limit: int, advice: str = "") -> bytes:
    """The whole body, at most `limit` bytes."""
    return b"".join([piece async for piece in pieces(request, limit, advice)])


async def read_json(request: Request, model: type[M], limit: int) -> M:
    """The body as a model's instance; raises Malformed or InvalidFields with each field's path."""
    media_type(request, JSON_TYPE)
    body = await read_body(request, limit)
    if len(body) > PARSED_IN_LOOP:
        return await to_thread.run_sync(parse, model, body)
    return parse(model, body)


async def read_optional_json(request: Request, model: type[M], limit: int) -> M:
    """As `read_json`; no body is the same as `{}`."""
    announced = request.headers.get("content-length", "0")
    if announced == "0" and "transfer-encoding" not in request.headers:
        return parse(model, b"{}")
    return await read_json(request, model, limit)


def parse(model: type[M], body: bytes) -> M:
    """A model's instance from JSON; null in place of the whole counts as `{}`."""
    try:
        return model.model_validate_json(b"{}" if body.strip() in (b"", b"null") else body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise Malformed(f"the body is not JSON: {first['ctx']['error']}") from None
        raise InvalidFields(faults_of(error)) from None
