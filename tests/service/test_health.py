"""Live at once, ready when it can really answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from indexing.embedder import HashingEmbedder, Vectors
from indexing.errors import EmbedderMismatch, MissingExtra
from indexing.library import Library
from service import readiness
from service.app import create_app
from service.problems import NotReady
from service.readiness import Readiness
from tests.service.running import EMBEDDER, create, problem, running, settings_for, trajectory, until


def test_alive_and_ready(client: TestClient) -> None:
    assert client.get("/health/live").json() == {"status": "alive", "version": version("precedent")}
    answer = client.get("/health/ready").json()
    assert (answer["status"], answer["collections"]) == ("ready", 0)
    assert answer["probe_ms"] > 0


def test_alive_while_the_model_is_being_loaded(tmp_path: Path) -> None:
    may_load = threading.Event()

    def load(_: str) -> HashingEmbedder:
        assert may_load.wait(30)
        return HashingEmbedder(64)

    with running(tmp_path) as client:
        create(client, "rooms", trajectory("a"))
    with (
        Library(tmp_path, load) as library,
        TestClient(create_app(settings_for(tmp_path), library)) as client,
    ):
        assert client.get("/health/live").status_code == 200
        answer = client.get("/health/ready")
        assert "loaded" in problem(answer, "not-ready", 503)["detail"]
        assert answer.headers["retry-after"] == "1"
        question = {"collection": "rooms", "instruction": "Book room 0"}
        problem(client.post("/retrieve", json=question), "not-ready", 503)
        may_load.set()
        until(lambda: client.get("/health/ready").status_code == 200)
        assert client.post("/retrieve", json=question).json()["demonstrations"][0]["id"] == "a"


class Sick(HashingEmbedder):
    """An embedder that stops working, or puts everything in one place."""

    def __init__(self) -> None:
        super().__init__(64)
        self.fault: Exception | None = None
        self.asked: list[str] = []

    def encode_query(self, text: str) -> Vectors:
        self.asked.append(text)
        if self.fault:
            raise self.fault
        return super().encode_query(text)

    def encode(self, texts: Sequence[str]) -> Vectors:
        return super().encode(texts)


def test_ready_means_a_real_embedding_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Sick()
    with Library(tmp_path, lambda _: embedder) as library:
        ready = Readiness(library, EMBEDDER)
        with pytest.raises(NotReady, match="loaded"):
            ready.check()
        ready.load()
        asked = len(embedder.asked)
        ready.check()
        assert len(embedder.asked) == asked
        monkeypatch.setattr(readiness, "PROBED_EVERY_S", -1.0)
        ready.check()
        assert len(embedder.asked) == len(set(embedder.asked)) > asked
        with monkeypatch.context() as full:
            full.setattr(library.lane(EMBEDDER), "max_waiting", 0)
            assert ready.check() > 0
        vouched = [ready.ready]
        embedder.fault = MissingExtra("the model is gone")
        with pytest.raises(NotReady, match="probe failed"):
            ready.check()
        vouched.append(ready.ready)
        embedder.fault = None
        ready.check()
        vouched.append(ready.ready)
        monkeypatch.setattr(readiness, "READY_FOR_S", 0.0)
        vouched.append(ready.ready)
        assert vouched == [True, False, True, False]


def test_a_collection_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        create(client, "rooms", trajectory("a"))

    class Unloadable(Library):
        def start(self) -> None:
            raise EmbedderMismatch("rooms was indexed with another build")

    with (
        Unloadable(tmp_path) as library,
        TestClient(create_app(settings_for(tmp_path), library)) as client,
    ):
        until(lambda: "rooms" in client.get("/health/ready").json()["detail"])
        question = {"collection": "rooms", "instruction": "Book room 0"}
        assert client.post("/retrieve", json=question).status_code == 200
