"""The service as tests run it: in this process on a folder of their own, or behind a real socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from indexing.library import Library
from service.app import create_app
from service.server import Server, bind
from service.settings import Settings

EMBEDDER = "hashing-64"
NDJSON = {"content-type": "application/x-ndjson"}
JSON_BODY = {"content-type": "application/json"}
FEW_S = 60.0


def settings_for(folder: Path, **given: Any) -> Settings:
    return Settings(data_dir=folder, embedders=(EMBEDDER,), **given)


@contextmanager
def running(folder: Path, library: Library | None = None, **given: Any) -> Iterator[TestClient]:
    """A client of a service that is ready."""
    with TestClient(create_app(settings_for(folder, **given), library)) as client:
        until(lambda: client.get("/health/ready").status_code == 200)
        yield client


@contextmanager
def listening(app: FastAPI) -> Iterator[httpx.Client]:
    """A client of the app behind a real server on a free port."""
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=FEW_S) as client:
        until(lambda: client.get("/health/ready").status_code == 200)
        yield client
    server.should_exit = True
    thread.join(FEW_S)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + FEW_S
    while not holds():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def trajectory(id: str | None = None, number: int = 0, **fields: Any) -> dict[str, Any]:
    record = {
        "instruction": f"Book room {number} for Monday",
        "steps": [
            {"observation": f"The list of rooms, page {number}", "action": f"click [room {number}]"},
            {"observation": f"Room {number} is free on Monday", "action": "click [book]", "thought": "free"},
        ],
        **fields,
    }
    return record if id is None else {"id": id, **record}


def document(id: str | None = None, number: int = 0) -> dict[str, Any]:
    record = {"title": f"Rooms on floor {number}", "text": f"How to book a room on floor {number}"}
    return record if id is None else {"id": id, **record}


def lines(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def create(client: TestClient | httpx.Client, name: str = "rooms", *records: Any) -> None:
    """A collection with the hashing embedder and these trajectories, searchable."""
    assert client.put(f"/collections/{name}", json={"embedder": EMBEDDER}).status_code in (200, 201)
    if records:
        answer = upsert(client, name, lines(*records))
        assert answer["rejected"] == []


def upsert(client: TestClient | httpx.Client, name: str, body: bytes, plural: str = "trajectories") -> Any:
    answer = client.post(f"/collections/{name}/{plural}?wait=true", content=body, headers=NDJSON)
    assert answer.status_code == 200, answer.text
    return answer.json()


def finished(client: TestClient | httpx.Client, id: str) -> Any:
    """The job once it has ended."""
    until(lambda: client.get(f"/jobs/{id}").json()["state"] not in ("queued", "running"))
    return client.get(f"/jobs/{id}").json()


def reindexed(client: TestClient | httpx.Client, name: str = "rooms", **settings: Any) -> Any:
    """The job of a reindex, once it has succeeded."""
    answer = client.post(f"/collections/{name}/reindex", json=settings)
    assert answer.status_code == 202, answer.text
    job = finished(client, answer.json()["id"])
    assert job["state"] == "succeeded", job
    return job


def problem(answer: Any, name: str, status: int) -> Any:
    """The body of a problem, which it must be."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        answer.text
    )
    body = answer.json()
    assert (body["type"], body["status"]) == (f"/problems/{name}", status)
    assert body["title"]
    assert body["detail"]
    return body


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """The port of a service behind our own server, as `precedent serve` runs it."""
    app = create_app(settings_for(folder))
    loaded = threading.Event()
    with bind("127.0.0.1", 0) as listener:
        server = Server(app, loaded.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        assert loaded.wait(FEW_S)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(FEW_S)
