"""How often, how long, and when: the sizes of a round, and seeds that make it happen again."""

from __future__ import annotations

import os
import random
import secrets

SEED = "PRECEDENT_FAULT_SEED"
"""Set it to the seed that a failed run has printed: the same is sent, the kills come at the same moments."""

KILLS = {"test": 3, "short": 10, "full": 100}
COMMAND_KILLS = {"test": 1, "short": 10, "full": 70}
MODEL_KILLS = {"test": 0, "short": 2, "full": 10}
"""Of ingest and of reindex each, twice of the service's commands and twice of snapshot and restore: 500."""
SYNTHESIS_KILLS = {"test": 3, "short": 10, "full": 30}
COMMAND_RECORDS = {"test": 400, "short": 1_200, "full": 2_000}
FAILING_CALLS = {"test": 8, "short": 30, "full": 1 << 30}
"""System calls that are made to fail, of each act; in the full round every one."""

CUTS = {"test": 10, "short": 60, "full": 1 << 30}
LEAKS = {"test": (60, 3), "short": (1_000, 20), "full": (10_000, 100)}
"""Requests and swaps."""

READERS = {"test": 8, "short": 32, "full": 32}
SWAPS = {"test": 3, "short": 8, "full": 20}
RETRIEVALS = {"test": 600, "short": 5_000, "full": 100_000}
FILTERS = {"test": 300, "short": 2_000, "full": 10_000}
OPERATIONS = {"test": 50, "short": 1_000, "full": 20_000}
FULL_DISKS = {"test": 1, "short": 2, "full": 10}
BIT_FLIPS = {"test": 10, "short": 60, "full": 1_000}
RECORDS = {"test": 2_000, "short": 10_000, "full": 100_000}


def moments(chance: random.Random, count: int) -> list[float]:
    """Moments by chance, as shares of an operation: one in each of its `count` equal parts, in any order."""
    parts = [(part + chance.random()) / count for part in range(count)]
    return chance.sample(parts, count)


def seeded(what: str) -> random.Random:
    """A source of chance; says by which seed it can be had again."""
    seed = os.environ.get(SEED) or secrets.token_hex(4)
    print(f"\n{what}: to replay, set {SEED}={seed}")
    return random.Random(f"{what} {seed}")
