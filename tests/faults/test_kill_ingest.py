"""kill -9 while a client writes: what was acknowledged stands, what was never sent isn't there."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.faults.answers import asked, scores_apart, undisturbed
from tests.faults.oracle import Oracle
from tests.faults.records import situations
from tests.faults.rounds import moments, seeded
from tests.faults.serving import Serving, leftovers
from tests.faults.writing import kill_amid, script, write_all

NAME = "forms"
PROBED = 40
APART = 2e-6
"""How far scores may be apart: the last of six digits."""


def check(serving: Serving, oracles: tuple[Oracle, Oracle], chance: random.Random, scratch: Path) -> None:
    """Everything that must hold after a restart."""
    touched = [list({**oracle.standing, **oracle.doubtful}) for oracle in oracles]
    for oracle, ids in zip(oracles, touched, strict=True):
        oracle.check(serving, chance.sample(ids, min(PROBED, len(ids))))
    assert leftovers(serving.data) == []
    assert serving.faults() == ""
    present = [list(oracle.present.values()) for oracle in oracles]
    if not present[0]:
        return
    serving.settle(NAME)
    requests = situations(NAME, chance.choice(present[0]))
    settings = {"embedder": serving.embedder, "tokenizer": "words"}
    expected = undisturbed(scratch, NAME, settings, (present[0], present[1]), requests)
    (found, scores), (wanted, known) = scores_apart(asked(serving, requests)), scores_apart(expected)
    assert found == wanted
    assert scores == pytest.approx(known, abs=APART)


def test_nothing_acknowledged_is_lost_and_no_phantom_appears(
    tmp_path: Path, embedder: str, kills: int
) -> None:
    chance = seeded(f"ingest with {embedder}")
    oracles = (Oracle(NAME), Oracle(NAME, "documents"))
    with Serving(tmp_path / "data", embedder) as serving:
        serving.create(NAME)
        writes = script(chance, oracles, 0)
        begun = time.monotonic()
        assert write_all(serving, writes) == len(writes)
        length = time.monotonic() - begun
        check(serving, oracles, chance, tmp_path / "first")
        for number, share in enumerate(moments(chance, kills), 1):
            writes = script(chance, oracles, number)
            moment = share * length
            done = kill_amid(serving, writes, moment)
            print(f"{number}: killed after {moment:.3f} of {length:.3f} s, {done} of {len(writes)} answered")
            serving.restart()
            check(serving, oracles, chance, tmp_path / f"{number}")
