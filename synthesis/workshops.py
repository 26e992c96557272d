"""What a run works with: who acts and who judges on each road, models, or an expert and a replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from environments.base import Environment
from synthesis.acting import Attempt, Demonstrate, ExpertPolicy, ModelPolicy, Policy
from synthesis.calls import Calls
from synthesis.exploration import ExplorePolicy, Scorer
from synthesis.judges import Committee, Judge, ReplayJudge
from synthesis.plan import Plan
from synthesis.showing import guided


@dataclass(frozen=True)
class Workshop:
    """What a run works with: an environment each for `width` rollouts at once, who acts, who judges."""

    make: Callable[[], Environment]
    policy: Callable[[Attempt], Policy]
    calls: Calls
    judge: Judge
    width: int = 2
    patience_s: float = 120.0


def equipped(
    plan: Plan,
    make: Callable[[], Environment],
    calls: Calls,
    acting: str | None,
    width: int = 2,
    shown: Demonstrate | None = None,
    patience_s: float = 120.0,
    closing: str | None = None,
) -> Workshop:
    """A workshop for a plan. `acting` names the model of role "act"; with None no model acts or judges.

    `closing` is the action that has a task judged, where the environment has one.
    """
    explores = plan.road == "explore"

    def policy(attempt: Attempt) -> Policy:
        if explores:
            return ExplorePolicy(attempt.id)
        if acting is None:
            return ExpertPolicy()
        guide = guided(attempt.guidance) if attempt.guidance else shown
        return ModelPolicy(calls, acting, guide, closing=closing)

    judge: Judge = ReplayJudge(make)
    if acting is not None:
        judge = Scorer(calls) if explores else Committee(calls, plan.judges, plan.rule)
    return Workshop(make, policy, calls, judge, width, patience_s)
