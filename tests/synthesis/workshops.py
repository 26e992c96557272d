"""Runs on the small household, with scripted models that are honest about it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from environments.alfworld import ALFWorld
from environments.base import Task
from indexing.records import Document, Trajectory
from retrievers.language_model import LanguageModel
from synthesis.budget import CallLimits
from synthesis.calls import Calls
from synthesis.exploration import Scorer
from synthesis.judges import Committee, Judge, ReplayJudge
from synthesis.pipeline import Run
from synthesis.plan import Plan
from synthesis.scripted import RuleSummariser
from synthesis.summary import Summary
from synthesis.workshops import equipped
from tests.environments.household import GOALS
from tests.synthesis.tellers import HASTY

TASKS = tuple(Task(name) for name in GOALS)
PLAN = Plan("house", "a small household", TASKS, spans=None, alike=None)


def quiet(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


class Made:
    """What a run came to: the pairs by id, as a collection would hold them, and the summary."""

    def __init__(self) -> None:
        self.pairs: dict[str, Trajectory] = {}
        self.summary = Summary()

    def accept(self, pairs: Sequence[Trajectory]) -> None:
        self.pairs.update((pair.id, pair) for pair in pairs)


def synthesize(
    folder: Path,
    games: Path,
    plan: Plan = PLAN,
    documents: Sequence[Document] = (),
    model: LanguageModel | None = None,
    most: int | None = None,
    judge: Judge | Literal["own"] | None = None,
    voter: LanguageModel | None = None,
    policy: str = "expert",
    patience_s: float = 30,
    make: type[ALFWorld] = ALFWorld,
) -> Made:
    """One run, begun or gone on with; judged by a replay, as its plan says, or by a voter."""
    made = Made()
    models = dict.fromkeys(("act", "construct", "judge"), model or RuleSummariser())
    models |= {"judge": voter} if voter else {}

    async def run() -> Summary:
        async with Calls(folder, models, CallLimits(calls=most), HASTY) as calls:
            acting = None if policy == "expert" else "scripted"
            shop = equipped(plan, lambda: make(games), calls, acting, 2, patience_s=patience_s)
            if voter is not None:
                ours = Scorer(calls) if plan.road == "explore" else Committee(calls, plan.judges)
                shop = replace(shop, judge=ours)
            elif judge != "own":
                shop = replace(shop, judge=judge or ReplayJudge(lambda: ALFWorld(games)))
            return await Run(folder, replace(plan), shop, quiet).synthesize(documents, made.accept)

    made.summary = asyncio.run(run())
    return made
