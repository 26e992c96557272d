"""With which embedder the kills are done, and how often."""

from __future__ import annotations

import pytest

from tests.faults.rounds import KILLS, MODEL_KILLS
from tests.faults.serving import HASHING, MINILM


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Kill with the quick embedder in every round, with the real model in the longer ones too."""
    if {"embedder", "kills"} <= set(metafunc.fixturenames):
        name = metafunc.config.getoption("--round")
        cases = [(HASHING, KILLS[name]), (MINILM, MODEL_KILLS[name])]
        metafunc.parametrize(("embedder", "kills"), [case for case in cases if case[1]])
