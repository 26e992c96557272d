"""Requests that no one would write by hand: no 5xx, and nothing that openapi.yaml doesn't promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from indexing.embedder import HashingEmbedder
from indexing.library import Library
from tests.service.running import create, document, lines, running, trajectory, upsert

REQUESTS = {"test": 500, "short": 3_000, "full": 20_000}
STATEFUL_SHARE = 0.3
STEPS = 10

CHECKS: list[Any] = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
WITHOUT_INPUT = {"/health/live", "/health/ready", "/collections"}
"""Calls at which nothing can be sent wrongly."""

HOW = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("fuzzed")
    with Library(folder, lambda _: HashingEmbedder(64)) as library, running(folder, library) as client:
        create(client, "rooms", trajectory("a/b", 1), trajectory("c", 2))
        upsert(client, "rooms", lines(document("d", 1)), "documents")
        yield client


def running_already(client: TestClient) -> ASGIApp:
    """The client's app, which schemathesis would otherwise start a second time."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await client.app(scope, receive, send)
            return
        for stage in "startup", "shutdown":
            await receive()
            await send({"type": f"lifespan.{stage}.complete"})

    return app


def aim(case: Any) -> None:
    """Most requests at a collection that is there, which therefore mustn't be removed."""
    if case.method != "DELETE" or "id" in (case.path_parameters or {}):
        if "collection" in (case.path_parameters or {}):
            case.path_parameters["collection"] = "rooms"
        if isinstance(case.body, dict) and "limits" in case.body:
            case.body["collection"] = "rooms"


@pytest.fixture(scope="module")
def requests(fault_round: str, long_round: bool) -> int:
    """How many requests to send."""
    return REQUESTS[fault_round] * (5 if long_round else 1)


def test_whatever_is_sent_is_answered_as_promised(fuzzed: TestClient, requests: int) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", running_already(fuzzed))
    operations: list[Any] = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    share = requests * (1 - STATEFUL_SHARE) / len(operations) / 2
    answered: Counter[int] = Counter()
    for operation in operations:
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            wrong = mode is GenerationMode.NEGATIVE
            if wrong and (operation.path in WITHOUT_INPUT or operation.path.startswith("/jobs/{id}")):
                continue
            times = 4 if operation.path == "/retrieve" else 1

            @settings(HOW, max_examples=max(1, round(share * times)))
            @given(case=operation.as_strategy(generation_mode=mode))
            def fuzz(case: Any) -> None:
                aim(case)
                answer = case.call(session=fuzzed)
                answered[answer.status_code] += 1
                case.validate_response(answer, checks=CHECKS)

            fuzz()
    assert answered.keys() >= {200, 400, 404, 422}
    assert fuzzed.get("/health/ready").status_code == 200


class Known:
    """Names that the service has given out or been given, to be used in later calls."""

    def __init__(self) -> None:
        self.collections = ["rooms", "fresh"]
        self.ids = {"trajectories": ["a/b"], "documents": ["d"], "jobs": ["none"]}

    def use(self, case: Any, pick: int) -> None:
        """Put known names into a request's path."""
        path = case.path_parameters or {}
        if "collection" in path:
            removes = case.method == "DELETE" and "id" not in path
            path["collection"] = "fresh" if removes else self.collections[pick % 2]
        if "id" in path:
            ids = next(ids for name, ids in self.ids.items() if f"/{name}/" in case.path)
            path["id"] = quote(ids[pick % len(ids)], safe="")

    def learn(self, answer: Any) -> None:
        """Remember the ids in an answer."""
        body = answer.json() if answer.status_code in (200, 202) else {}
        for name, ids in self.ids.items():
            ids += [one["id"] for one in body.get(name, ())][:5]
        if answer.status_code == 202:
            self.ids["jobs"].append(body["id"])


def test_what_one_call_gives_the_next_can_take(fuzzed: TestClient, fault_round: str, requests: int) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", running_already(fuzzed))
    operations: list[Any] = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    known = Known()
    answered: Counter[tuple[str, int]] = Counter()

    @settings(HOW, max_examples=round(requests * STATEFUL_SHARE / STEPS))
    @given(st.data())
    def walk(data: st.DataObject) -> None:
        for _ in range(STEPS):
            case = data.draw(data.draw(st.sampled_from(operations)).as_strategy())
            known.use(case, data.draw(st.integers(0, 1_000)))
            answer = case.call(session=fuzzed)
            answered[case.operation.path, answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)
            known.learn(answer)

    walk()
    if fault_round != "test":  # a short walk may never come by
        assert answered["/collections/{collection}", 201]
        assert answered["/jobs/{id}", 200]
    assert fuzzed.get("/health/ready").status_code == 200
