"""Small real HTTP servers on loopback that behave, or misbehave, as a model's endpoint may.

>>> with model_server(speaks_openai("how to change a time zone")) as server:
...     ask(server.url)
"""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

MIB = 1 << 20


@dataclass(slots=True)
class Exchange:
    """One request, and the wire to answer it on."""

    path: str
    headers: Mapping[str, str]
    body: Any
    reader: asyncio.StreamReader = field(repr=False)
    writer: asyncio.StreamWriter = field(repr=False)
    sent: int = 0

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
        self.sent += len(data)

    async def answer(self, body: bytes, status: int = 200, length: int | None = None, **headers: str) -> None:
        """A whole answer; `length` announces another size than the body's."""
        fields = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        fields |= {"content-length": str(len(body) if length is None else length), "connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        await self.send(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body)


Behaviour: TypeAlias = Callable[[Exchange], Awaitable[None]]


@dataclass(slots=True)
class ModelServer:
    """A server that runs: where it is, what it was asked, and who hung up on it."""

    url: str = ""
    asked: list[Exchange] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)


@contextmanager
def model_server(behaviour: Behaviour) -> Iterator[ModelServer]:
    """A server that answers every request the same way; gone when the block ends."""
    server = ModelServer()
    loop = asyncio.new_event_loop()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            path = head[0].split()[1]
            exchange = Exchange(path, headers, json.loads(body or b"null"), reader, writer)
            server.asked.append(exchange)
            await behaviour(exchange)
        except (ConnectionError, asyncio.IncompleteReadError):
            server.hung_up.set()
        except asyncio.CancelledError:
            pass  # the block has ended
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def serve() -> None:
        listening = await asyncio.start_server(converse, "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        started.set()
        async with listening:
            await stop.wait()

    started, stop = threading.Event(), asyncio.Event()
    thread = threading.Thread(target=_run, args=(loop, serve()), name="model-server")
    thread.start()
    try:
        assert started.wait(10)
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def _run(loop: asyncio.AbstractEventLoop, main: Any) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main)


def openai_answer(text: str) -> dict[str, Any]:
    """A chat completion, as OpenAI's interface has it."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "small",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16},
    }


def anthropic_answer(text: str) -> dict[str, Any]:
    """A message, as Anthropic's interface has it."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "small",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 7},
    }


def google_answer(text: str) -> dict[str, Any]:
    """A candidate, as Gemini's interface has it."""
    content = {"role": "model", "parts": [{"text": text}]}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 7, "totalTokenCount": 16},
        "modelVersion": "small",
        "responseId": "r1",
    }


def says(value: Any) -> Behaviour:
    """Answers 200 with a JSON value."""
    body = json.dumps(value).encode()

    async def behave(exchange: Exchange) -> None:
        await exchange.answer(body)

    return behave


def speaks_openai(text: str) -> Behaviour:
    """Answers as an OpenAI-compatible endpoint does."""
    return says(openai_answer(text))


def fails_with(status: int, **headers: str) -> Behaviour:
    """Answers an HTTP error that repeats the key it was sent, as some do."""

    async def behave(exchange: Exchange) -> None:
        key = exchange.headers.get("authorization") or exchange.headers.get("x-api-key", "")
        body = {"error": {"message": f"no: {key}", "type": "error", "code": status}}
        await exchange.answer(json.dumps(body).encode(), status, None, **headers)

    return behave


async def hangs(exchange: Exchange) -> None:
    """Takes the request and never answers."""
    if not await exchange.reader.read():
        raise ConnectionResetError


async def speaks_plain_text(exchange: Exchange) -> None:
    """Answers 200, with something that is no JSON."""
    await exchange.answer(b"<html><h1>It works!</h1></html>", content_type="text/html")


async def breaks_off_json(exchange: Exchange) -> None:
    """Answers JSON that ends in the middle."""
    await exchange.answer(json.dumps(openai_answer("how to")).encode()[:-40])


async def breaks_off_connection(exchange: Exchange) -> None:
    """Announces more than it sends, then hangs up."""
    await exchange.answer(json.dumps(openai_answer("how to")).encode(), length=5_000)


async def answers_ten_megabytes(exchange: Exchange) -> None:
    """Answers a well-formed completion of 10 MB."""
    await exchange.answer(json.dumps(openai_answer("word " * 2_000_000)).encode())


async def answers_without_end(exchange: Exchange) -> None:
    """Streams up to 64 MiB without having announced any length."""
    await exchange.send(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    for _ in range(1024):
        await exchange.send(b"10000\r\n" + b" " * 0x10000 + b"\r\n")


async def answers_a_bomb(exchange: Exchange) -> None:
    """Answers few bytes that unpack to 32 MiB."""
    body = json.dumps(openai_answer("how to")).encode() + b" " * (32 * MIB)
    await exchange.answer(gzip.compress(body), content_encoding="gzip")


async def drips(exchange: Exchange) -> None:
    """Sends a right answer, a byte each tenth of a second."""
    body = json.dumps(openai_answer("how to")).encode()
    await exchange.answer(b"", length=len(body))
    for byte in body:
        await exchange.send(bytes([byte]))
        await asyncio.sleep(0.1)


async def redirects(exchange: Exchange) -> None:
    """Sends the request elsewhere."""
    await exchange.answer(b"", 307, location="http://127.0.0.1:9/v1/chat/completions")


MISBEHAVIOURS: dict[str, tuple[Behaviour, str]] = {
    "hangs": (hangs, "timeout"),
    "drips": (drips, "timeout"),
    "answers 500": (fails_with(500), "refused"),
    "answers 401": (fails_with(401), "refused"),
    "answers 429": (fails_with(429, retry_after="1"), "rate_limited"),
    "redirects": (redirects, "refused"),
    "breaks off the connection": (breaks_off_connection, "refused"),
    "answers plain text": (speaks_plain_text, "nonsense"),
    "breaks off its JSON": (breaks_off_json, "nonsense"),
    "answers with a bomb": (answers_a_bomb, "nonsense"),
    "answers 10 MB": (answers_ten_megabytes, "too_large"),
    "answers without end": (answers_without_end, "too_large"),
}
"""What an endpoint of any provider does wrong, and the failure that it is told as."""

NO_QUERIES: dict[str, tuple[Behaviour, str]] = {
    "answers blank": (speaks_openai("  \n "), "nonsense"),
    "answers with punctuation": (speaks_openai("?!… — ***"), "nonsense"),
    "answers with control characters": (speaks_openai("how\x07 to \x1b[31m"), "nonsense"),
    "answers at absurd length": (speaks_openai("word " * 4_000), "nonsense"),
}
"""Well-formed answers of an OpenAI-compatible endpoint in which there is no query."""
