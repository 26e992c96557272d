"""The library's state machine for thousands of operations, in batches that can each be had again."""

from __future__ import annotations

import random
import time

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.rounds import OPERATIONS, seeded
from tests.indexing.test_library_machine import BackupMachine

STEPS = 50
BATCH = 10


class LongMachine(BackupMachine):
    """The same, counted by itself."""


HOW = settings(
    max_examples=BATCH,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    derandomize=False,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def test_any_order_of_operations_leaves_what_a_dict_would_hold(fault_round: str, long_round: bool) -> None:
    chance: random.Random = seeded("machine")
    wanted = OPERATIONS[fault_round] * (10 if long_round else 1)
    LongMachine.steps = 0
    begun = time.monotonic()
    while LongMachine.steps < wanted:
        number = chance.getrandbits(32)
        run_state_machine_as_test(seed(number)(LongMachine), settings=HOW)
        print(f"{LongMachine.steps:,} of {wanted:,} operations, {time.monotonic() - begun:.0f} s")
