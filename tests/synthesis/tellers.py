"""What the tests of construction, committee and scripted models begin with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from retrievers.language_model import LanguageModel
from synthesis.budget import CallLimits
from synthesis.call_settings import CallSettings
from synthesis.calls import Calls
from synthesis.rollouts import Rollout

HASTY = CallSettings(attempts=2, retries=0, rate_limit_retries=0, timeout_s=5, first_wait_s=0.001)


def asking(folder: Path, models: Mapping[str, LanguageModel], most: int | None = None) -> Calls:
    return Calls(folder, models, CallLimits(calls=most), HASTY)


def errand(success: bool = True, actions: int = 3) -> Rollout:
    """A walk along a corridor, door by door."""
    return Rollout(
        id="corridor/7",
        instruction="Go to the last door",
        actions=tuple(f"go to door {number}" for number in range(1, actions + 1)),
        observations=tuple(f"A corridor.\nYou stand at door {number}." for number in range(actions + 1)),
        task="corridor",
        variation=7,
        documents=("doc-1", "doc-2"),
        model="walker",
        success=success,
        reward=1.0 if success else 0.25,
        ended="done" if success else "steps",
    )
