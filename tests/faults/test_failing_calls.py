"""The n-th write, fsync, rename, open … fails, for every n: told clearly or done, and what stood stands."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.problems import KINDS, MEDIA_TYPE
from tests.faults.intercepting import Failing, can_intercept
from tests.faults.patient import ACTS, Patient
from tests.faults.rounds import FAILING_CALLS, seeded

pytestmark = pytest.mark.skipif(not can_intercept(), reason="system calls are intercepted on Linux alone")

ERRORS = {
    "write": (errno.ENOSPC, errno.EIO),
    "sync": (errno.EIO,),
    "rename": (errno.EIO,),
    "open": (errno.EMFILE, errno.EIO),
    "make": (errno.ENOSPC,),
    "resize": (errno.EIO,),
}
WHILES_S = (0.0, 0.5)
"""Once only, and for a while: everything that is tried again at once fails too."""

CLEAR = {kind.type: kind.status for kind in KINDS.values() if kind.status in (429, 503, 507)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("failing")


@pytest.fixture(scope="module")
def patient(folders: Path) -> Iterator[Patient]:
    with Patient(folders) as made:
        made.tell("fill", str(folders / "filled"))
        yield made


def opened(patient: Patient, folders: Path) -> Path:
    """A copy of what was filled, being served."""
    data = folders / "data"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(folders / "filled", data)
    patient.tell("open", str(data))
    return data


def done(told: dict[str, Any]) -> bool:
    """Whether a call succeeded; a refusal must be a problem that the docs tell, or a job's clear error."""
    body = told["body"]
    if "state" in body:
        assert body["state"] in ("succeeded", "failed"), body
        assert "unexpected" not in (body["error"] or ""), body
        return bool(body["state"] == "succeeded")
    if told["status"] in (200, 204, 404):  # 404: deleted already
        return True
    assert told["type"] == MEDIA_TYPE, told
    assert CLEAR[body["type"]] == told["status"], body
    return False


def undisturbed(patient: Patient, folders: Path, act: str) -> tuple[Any, Any, dict[str, int]]:
    """What is to be seen before and after a call that nothing disturbs, and how many calls it makes."""
    opened(patient, folders)
    before = patient.tell("state")
    counting = {kind: Failing(kind) for kind in ERRORS}
    patient.interceptor.plan = lambda kind, path: counting[kind](kind, path)
    assert done(patient.tell("act", act))
    patient.interceptor.plan = lambda kind, path: 0  # noqa: ARG005
    after = patient.tell("state")
    patient.tell("close")
    assert before != after
    return before, after, {kind: one.seen for kind, one in counting.items()}


@pytest.mark.parametrize("act", ACTS)
def test_whichever_call_fails_it_is_told_or_done_and_what_stood_stands(
    patient: Patient, folders: Path, act: str, fault_round: str
) -> None:
    chance = seeded(f"failing calls of {act}")
    before, after, counts = undisturbed(patient, folders, act)
    plans = [
        Failing(kind, place, error, lasts)
        for kind, errors in ERRORS.items()
        for place in range(1, counts[kind] + 1)
        for error in errors
        for lasts in WHILES_S
    ]
    picked = (
        plans if fault_round == "full" else chance.sample(plans, min(len(plans), FAILING_CALLS[fault_round]))
    )
    refused = 0
    for plan in picked:
        data = opened(patient, folders)
        patient.interceptor.plan = plan
        told = patient.tell("act", act)
        patient.interceptor.plan = lambda kind, path: 0  # noqa: ARG005
        what = f"{act}: {plan.kind} {plan.place} ({plan.refused[:2]}, {errno.errorcode[plan.error]}) {told}"
        succeeded = done(told)
        refused += not succeeded
        found = patient.tell("state")
        if succeeded:
            assert found == after, what
        elif act == "reindex":
            assert found == before, what
        else:  # what was kept may be told as not searchable yet
            assert found["records"] in (before["records"], after["records"]), what
        assert done(patient.tell("act", act)), what
        assert patient.tell("state")["records"] == after["records"], what
        patient.tell("close")
        if plan.lasts_s:  # what was left then couldn't be removed; a start removes it
            patient.tell("open", str(data))
            patient.tell("close")
        assert not list(data.glob("collections/*/tmp-*")), what
    print(f"{act}: {counts} calls; {len(picked)} of {len(plans)} failures, {refused} told, the rest done")
    assert refused > 0
