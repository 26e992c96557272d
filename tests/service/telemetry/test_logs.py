"""Request ids and the log: which request a line belongs to, and that no line gives a text away."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from indexing.store.database import open_database, write
from service.app import create_app
from service.telemetry.logs import (
    FORMATTERS,
    LONGEST_MESSAGE,
    LONGEST_TRACEBACK,
    OURS,
    LogFormat,
    log_to_stderr,
)
from service.telemetry.request_ids import HEADER
from tests.service.running import create, problem, served, settings_for, trajectory

ROOT = Path(__file__).resolve().parents[3]
SECRET = "Your card ends in 4711"
ASKED = {"collection": "rooms", "instruction": "Pay", "observation": SECRET}


@contextmanager
def logged(form: LogFormat) -> Iterator[StringIO]:
    """What is written to the log as the service would write it."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATTERS[form]())
    loggers = [logging.getLogger(name) for name in ("service", "uvicorn", "retrievers", "indexing")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel("DEBUG")
    try:
        yield stream
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.setLevel("NOTSET")


def lines_of(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("sent", ["4f1c-9", "a" * 128, "user@host/1:2+3=4._-"])
def test_a_sane_name_is_kept(client: TestClient, sent: str) -> None:
    assert client.get("/health/live", headers={HEADER: sent}).headers[HEADER] == sent
    refused = client.get("/jobs/none", headers={HEADER: sent})
    assert problem(refused, "not-found", 404)["request_id"] == sent == refused.headers[HEADER]


@pytest.mark.parametrize("sent", ["", " ", "a" * 129, "two words", 'a"b', "<script>", "\x1b[31m", "größe"])
def test_another_is_replaced(client: TestClient, sent: str) -> None:
    headers = {HEADER.encode(): sent.encode()}
    names = {client.get("/health/live", headers=headers).headers[HEADER] for _ in range(2)}
    assert len(names) == 2
    assert all(len(name) == 32 and name.isalnum() for name in names)


def test_a_fault_of_ours_bears_the_name_too(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("service.collections._list", fail)
    with logged("json") as stream:
        careless = TestClient(client.app, raise_server_exceptions=False)
        answer = careless.get("/collections", headers={HEADER: "blame-me"})
    assert problem(answer, "internal", 500)["request_id"] == "blame-me" == answer.headers[HEADER]
    (line,) = (line for line in lines_of(stream) if line["logger"] == "service.access")
    assert (line["status"], line["request_id"]) == (500, "blame-me")


def test_a_line_of_json_says_which_request_it_was_and_never_what_was_sent(client: TestClient) -> None:
    create(client, "rooms", trajectory("secret-id", 1))
    with logged("json") as stream:
        client.post("/retrieve", json=ASKED, headers={HEADER: "one"})
        client.get("/collections/rooms/trajectories/secret-id", headers={HEADER: "two"})
        client.get("/nowhere/secret-id", headers={HEADER: "three"})
    written = [line for line in lines_of(stream) if line["logger"] == "service.access"]
    facts = [(line["request_id"], line["method"], line["route"], line["status"]) for line in written]
    assert facts == [
        ("one", "POST", "/retrieve", 200),
        ("two", "GET", "/collections/{collection}/trajectories/{id}", 200),
        ("three", "GET", "-", 404),
    ]
    assert all(
        line["ms"] > 0 and line["level"] == "info" and line["time"].endswith("+00:00") for line in written
    )
    assert SECRET not in stream.getvalue()
    assert "secret-id" not in stream.getvalue()


def test_what_a_searching_thread_logs_bears_the_request(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(client, "rooms", trajectory("a", 1))

    def noted(*_: object) -> None:
        logging.getLogger("retrievers").info("deep inside")
        raise RuntimeError

    monkeypatch.setattr("service.retrieval.search", noted)
    with logged("json") as stream, pytest.raises(RuntimeError):
        client.post("/retrieve", json=ASKED, headers={HEADER: "deep"})
    assert ("deep inside", "deep") in [(line["message"], line.get("request_id")) for line in lines_of(stream)]


def test_a_line_of_text_is_one_line(client: TestClient) -> None:
    with logged("text") as stream:
        client.get("/health/live", headers={HEADER: "one"})
        logging.getLogger("service").warning("forged\n2026-01-01 INFO service: all is well")
    first, second = stream.getvalue().splitlines()
    assert first.split(" INFO ")[1].startswith("service.access [one]: GET /health/live 200 ")
    assert second.split(" WARNING ")[1] == "service: forged 2026-01-01 INFO service: all is well"


@pytest.mark.parametrize("form", FORMATTERS)
def test_nothing_is_logged_at_length(form: LogFormat) -> None:
    long = "x" * 100_000
    with logged(form) as stream:
        logging.getLogger("service").warning("could not read %s", long)
        try:
            raise ValueError(long)
        except ValueError:
            logging.getLogger("service").exception("it failed")
    assert len(stream.getvalue()) < 2 * LONGEST_MESSAGE + LONGEST_TRACEBACK + 1_000
    assert "could not read" in stream.getvalue()
    assert "ValueError: xxx" in stream.getvalue()


def test_a_database_error_does_not_quote_the_records(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/precedent.db")
    with pytest.raises(DBAPIError) as caught, write(engine) as connection:
        connection.execute(text("INSERT INTO nowhere VALUES (:body)"), {"body": SECRET})
    engine.dispose()
    assert SECRET not in str(caught.value)


def test_a_service_that_logs_json_says_nothing_else(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PRECEDENT_")}
    environment |= {"PRECEDENT_LOG_FORMAT": "json", "PRECEDENT_EMBEDDERS": "hashing-64"}
    command = [sys.executable, "-m", "service.cli", "serve", "--port", "0", "--data-dir", str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stdout is not None
            started = json.loads(next(line for line in process.stderr if "started in" in line))
            url = started["message"].split(" at ")[1]
            assert httpx.get(f"{url}/nowhere", headers={HEADER: "mine"}).status_code == 404
        finally:
            process.terminate()
        lines = [json.loads(line) for line in process.stderr.read().splitlines()]
        assert process.stdout.read() == ""
    assert started["logger"] == "service.commands.serve"
    assert ("mine", 404) in [(line.get("request_id"), line.get("status")) for line in lines]


def test_the_log_is_set_up_as_it_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        log_to_stderr("info", "json")
        with served(tmp_path):
            logging.getLogger("service").info("größer")
        log_to_stderr("warning", "text")
    finally:
        root.handlers = handlers
        for name in OURS:
            logging.getLogger(name).setLevel("NOTSET")
    sys.stderr.flush()
    read = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert "größer" in [line["message"] for line in read]
    assert create_app(settings_for(tmp_path, log_format="json")).state.settings.log_format == "json"
