"""Requests that no one would write by hand, by who may read one collection: never more than that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from starlette.testclient import TestClient

from tests.service.keyed import bearing, keyed, make_key
from tests.service.test_fuzz import CHECKS, HOW, running_already

REQUESTS = {"test": 150, "short": 1_000, "full": 5_000}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client that may read `rooms`; it has a key."""
    with keyed(tmp_path_factory.mktemp("fuzzed"), rate_limit=0) as (client, library):
        client.headers.update(bearing(make_key(library, "retrieve:rooms")))
        yield client


def test_a_bound_key_opens_nothing_else_whatever_is_sent(reader: TestClient, fault_round: str) -> None:
    headers = {"authorization": reader.headers["authorization"]}
    schema = schemathesis.openapi.from_asgi("/openapi.json", running_already(reader), headers=headers)
    operations: list[Any] = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    answered: Counter[int] = Counter()
    before = reader.get("/collections").json()

    @settings(HOW, max_examples=REQUESTS[fault_round])
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        case = data.draw(data.draw(st.sampled_from(operations)).as_strategy())
        if "collection" in (case.path_parameters or {}) and data.draw(st.booleans()):
            case.path_parameters["collection"] = data.draw(st.sampled_from(["rooms", "halls"]))
        case.headers = {
            name: value for name, value in (case.headers or {}).items() if name.lower() != "authorization"
        }
        answer = case.call(session=reader)
        answered[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)
        read = case.method == "GET" or case.path == "/retrieve"
        assert answer.status_code >= 400 or read, (case.method, case.path)
        assert "halls" not in answer.text or answer.status_code == 403

    fuzz()
    assert answered.keys() >= {200, 403}
    assert reader.get("/collections").json() == before
