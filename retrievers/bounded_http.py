"""An HTTP client that a misbehaving server can't make swallow more than it is meant to."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

from retrievers.language_model import ModelUnavailable


def bounded_client(max_bytes: int) -> httpx2.AsyncClient:
    """An HTTP client that stops reading an answer, with ModelUnavailable, past `max_bytes`.

    It asks for uncompressed answers and refuses others, so that the bound holds for what they
    unpack to. Redirects aren't followed: a prompt goes where the settings say and nowhere else.
    """

    async def bound(response: httpx2.Response) -> None:
        if response.is_redirect:
            raise ModelUnavailable("refused", "the model's endpoint has moved; set its present url")
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise ModelUnavailable("nonsense", "the model's answer is compressed, which wasn't asked for")
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > max_bytes:
            raise _too_large(max_bytes)
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _BoundedStream(response.stream, max_bytes)

    return httpx2.AsyncClient(
        headers={"Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(600, connect=10),
        event_hooks={"response": [bound]},
    )


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._stream:
            read += len(chunk)
            if read > self._max_bytes:
                raise _too_large(self._max_bytes)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _too_large(max_bytes: int) -> ModelUnavailable:
    return ModelUnavailable("too_large", f"the model's answer passes {max_bytes:,} bytes")
