"""Who decides whether a pair is kept: a committee of models, or the environment itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from environments.base import Environment, Task
from environments.errors import EnvironmentFault
from synthesis.calls import Calls
from synthesis.committee import Rule, Verdict, Vote, judge
from synthesis.construction import Pair
from synthesis.patience import in_time
from synthesis.rollouts import Rollout
from synthesis.spans import Span


class Judge(Protocol):
    """Decides about the pairs of one rollout."""

    async def verdicts(self, rollout: Rollout, pairs: Sequence[tuple[Span, Pair]]) -> list[Verdict]:
        """One verdict for each pair. Raises BudgetSpent."""
        ...


@dataclass(frozen=True)
class Committee:
    """The models of some roles, each asked about every pair."""

    calls: Calls
    members: Sequence[str]
    rule: Rule = "unanimous"

    async def verdicts(self, rollout: Rollout, pairs: Sequence[tuple[Span, Pair]]) -> list[Verdict]:  # noqa: ARG002
        """What the committee says."""
        asked = (judge(self.calls, pair, self.members, self.rule) for _, pair in pairs)
        return list(await asyncio.gather(*asked))


@dataclass(frozen=True)
class ReplayJudge:
    """Plays the rollout again and accepts a span when its first and its last observation come again.

    It judges by rule that what was recorded does happen; what a good instruction is, it doesn't know.
    """

    make: Callable[[], Environment]
    name: str = "replay"
    patience_s: float = 600.0

    async def verdicts(self, rollout: Rollout, pairs: Sequence[tuple[Span, Pair]]) -> list[Verdict]:
        """Accepted where the replay shows what the rollout showed."""
        try:
            seen = await in_time(self.patience_s, partial(self._seen, rollout))
        except EnvironmentFault:
            seen = []
        return [self._verdict(rollout, span, seen) for span, _ in pairs]

    def _seen(self, rollout: Rollout) -> list[str]:
        environment = self.make()
        try:
            seen = [environment.reset(Task(rollout.task, rollout.variation)).observation]
            for action in rollout.actions:
                result = environment.step(action)
                seen.append(result.observation)
                if result.done:
                    break
        finally:
            environment.close()
        return seen

    def _verdict(self, rollout: Rollout, span: Span, seen: Sequence[str]) -> Verdict:
        reached = len(seen) > span.end and all(
            seen[at] == rollout.observations[at] for at in (span.start, span.end)
        )
        reasons = () if reached else ("the replay didn't show what the rollout showed",)
        return Verdict(reached, "unanimous", (Vote(self.name, reached, {}),), reasons)
