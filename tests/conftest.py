"""What every test may rely on: the shared data where it is, no network, no skip that CI doesn't see."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

from tests.support.small_model import packaged_gguf, unpack

ROOT = Path(__file__).resolve().parents[1]
CI = "PRECEDENT_CI"
DATA = "PRECEDENT_DATA"
SHARED = Path(os.environ.get(DATA) or ROOT.parent / "shared" / "data")

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

signal.signal(signal.SIGINT, signal.default_int_handler)
"""A shell's background job ignores interrupts, and so would every process that a test starts."""

settings.register_profile("house", deadline=None, print_blob=True, derandomize=CI in os.environ)
settings.load_profile("house")

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--round",
        choices=("test", "short", "full"),
        default="test",
        help="how often tests/faults kills and fuzzes: a quick look, a short round, the full one",
    )
    parser.addoption(
        "--long", action="store_true", help="ten times the operations of the state machine, five of the fuzz"
    )


@pytest.fixture(scope="session")
def long_round(request: pytest.FixtureRequest) -> bool:
    """Whether what can go on for hours shall."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def fault_round(request: pytest.FixtureRequest) -> str:
    """`test`, `short` or `full`."""
    name: str = request.config.getoption("--round")
    return name


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets; tests that ask for it are left out where there is none."""
    return SHARED


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tests' small language model, unpacked once for all processes of a run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "small-model"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            unpack(packaged_gguf(), folder)
            (folder / "done").touch()
    return folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A clone has no public data sets: what reads them is left out there, which is no skip."""
    if SHARED.is_dir():
        return
    left_out = [item for item in items if "shared_data" in getattr(item, "fixturenames", ())]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_report_header() -> str:
    return f"public data sets: {SHARED if SHARED.is_dir() else f'none, set {DATA} to their folder'}"


def forbid_skip(report: Report) -> Report:
    """Under CI a skipped test is a failed one: whatever it needs, `.ci/run` installs."""
    if report.skipped and CI in os.environ and not hasattr(report, "wasxfail"):
        where = report.longrepr
        path, line, reason = where if isinstance(where, tuple) else (report.nodeid, 0, str(where))
        report.outcome = "failed"
        report.longrepr = f"{path}:{line}: skipped, which {CI} forbids: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return forbid_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return forbid_skip((yield))
