"""What a caller doesn't see who may see some collections only."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from service.caller import names_seen
from service.pages.site import may_see
from tests.service.keyed import bearing, keyed, make_key
from tests.service.pages.made import rejecting_run, report
from tests.service.running import create, reindexed, trajectory

SEEN = frozenset({"rooms"})


def test_what_is_of_no_collection_is_for_those_who_see_all() -> None:
    assert may_see(None)
    assert may_see(None, "rooms")
    assert may_see(SEEN, "rooms")
    assert not may_see(SEEN, "rooms", "halls")
    assert not may_see(SEEN)


@pytest.fixture
def halls(client: TestClient, tmp_path: Path) -> TestClient:
    """A client with much of `halls` and something of `rooms`."""
    for name in ("rooms", "halls"):
        create(client, name, trajectory("one"))
        reindexed(client, name)
    asked = {"collection": "halls", "observation": "x", "strategy": "random"}
    assert client.post("/retrieve", json=asked).status_code == 200
    rejecting_run(tmp_path, "night")
    report(tmp_path, "tuesday", "rooms", "halls")
    report(tmp_path, "friday", "rooms")
    return client


def test_other_collections_leave_no_trace(halls: TestClient) -> None:
    paths = ("", "/-/jobs", "/-/jobs/live", "/-/latency", "/-/runs", "/-/reports", "/-/reports/tuesday")
    traces = {path: halls.get(f"/ui{path}") for path in paths}
    for path, page in traces.items():
        assert page.status_code == 200
        assert any(one in page.text for one in ("halls", "random", "night")), path
    assert isinstance(halls.app, FastAPI)
    halls.app.dependency_overrides[names_seen] = lambda: SEEN
    for path in paths[:-1]:
        page = halls.get(f"/ui{path}")
        assert page.status_code == 200
        assert not any(one in page.text for one in ("halls", "random", "night", "tuesday")), path
    for path in (
        "reports/tuesday",
        "reports/tuesday/report.html",
        "reports/tuesday/results.csv",
        "runs/night",
    ):
        assert halls.get(f"/ui/-/{path}").status_code == 404
    assert halls.get("/ui/-/reports/friday").status_code == 200
    assert "friday" in halls.get("/ui/-/reports").text
    assert ">rooms</a>" in halls.get("/ui/-/jobs").text


def test_who_sees_some_collections_only_is_told_so_where_nothing_is_shown(tmp_path: Path) -> None:
    with keyed(tmp_path / "data") as (client, library):
        token = make_key(library, "retrieve:rooms")
        for path in ("jobs", "latency", "runs", "reports"):
            page = client.get(f"/ui/-/{path}", headers=bearing(token))
            assert "that this key may see" in page.text, path
