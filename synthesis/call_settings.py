"""How often and how patiently a model is asked."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class CallSettings:
    """The bounds of one call.

    `attempts` are answers to one question until one can be read. `retries` follow a failure of the
    network, `rate_limit_retries` a 429; before each there is a wait, doubled from `first_wait_s` up to
    `longest_wait_s` and cut by up to half at random. `concurrency` is per model.
    """

    attempts: int = 3
    retries: int = 2
    rate_limit_retries: int = 8
    concurrency: int = 8
    timeout_s: float = 120.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    seed: int = 0

    def retries_after(self, kind: str) -> int:
        """How often a call is made again that failed so."""
        return self.rate_limit_retries if kind == "rate_limited" else self.retries

    def wait_s(self, failed: int, chance: Random) -> float:
        """Seconds to wait after so many failures in a row, 1 at the least."""
        longest = min(self.longest_wait_s, self.first_wait_s * 2.0 ** min(failed - 1, 64))
        return longest * chance.uniform(0.5, 1.0)


PATIENT = CallSettings()
