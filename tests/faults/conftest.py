"""With which embedder the kills are done and how often; a service for tests that don't kill it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.disks import can_mount
from tests.faults.rounds import KILLS, MODEL_KILLS
from tests.faults.serving import HASHING, MINILM, Serving


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Kill with the quick embedder in every round, with the real model in the longer ones too."""
    if {"embedder", "kills"} <= set(metafunc.fixturenames):
        name = metafunc.config.getoption("--round")
        cases = [(HASHING, KILLS[name]), (MINILM, MODEL_KILLS[name])]
        metafunc.parametrize(("embedder", "kills"), [case for case in cases if case[1]])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs a disk of its own is left out where none can be mounted, which is no skip."""
    needy = [item for item in items if "small_disk" in getattr(item, "fixturenames", ())]
    if needy and not can_mount():
        items[:] = [item for item in items if item not in needy]
        config.hook.pytest_deselected(items=needy)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A service that must stand all that is sent to it, with a collection `rooms`."""
    with Serving(tmp_path_factory.mktemp("steady") / "data") as serving:
        serving.create("rooms")
        yield serving


@pytest.fixture(autouse=True)
def _stands(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test the service is ready, and nothing unexpected is in its log."""
    yield
    if "steady" in request.fixturenames:
        serving: Serving = request.getfixturevalue("steady")
        assert serving.alive, serving.tail()
        assert serving.get("/health/ready").status_code == 200
        assert serving.faults() == ""
