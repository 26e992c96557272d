"""The rollouts that construction is measured on, and what is asked about: BabyAI, played by rule."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.construction_goals import namer
from environments.base import Expert, Task
from evaluation.memory import Progress
from indexing.lines import Lines
from indexing.records import JSON, Trajectory
from retrievers.language_model import LanguageModel
from synthesis.budget import CallLimits
from synthesis.call_settings import CallSettings
from synthesis.calls import Calls
from synthesis.construction import CONSTRUCTIONS, Construction, piece
from synthesis.pipeline import Run
from synthesis.plan import Plan, Road
from synthesis.repeats import without_repeats
from synthesis.rollouts import Rollout
from synthesis.scripted import RuleSummariser
from synthesis.spans import Span
from synthesis.workshops import equipped

ENVIRONMENT = "babyai"

LEVELS = (
    "GoToObj",
    "GoToLocal",
    "PickupLoc",
    "ActionObjDoor",
    "OpenDoor",
    "UnlockLocal",
    "PutNextLocal",
    "PutNextS5N1",
)
"""Levels of one task in one room, about which is asked."""

SEVERAL = ("MiniBossLevel", "SynthSeq", "BossLevelNoUnlock")
"""Levels whose instructions ask for up to four tasks in a row, in several rooms."""

HELD_OUT = 10_000
"""Seeds from here on are asked about and never remembered."""

ONCE = CallSettings(attempts=1)
"""Who answers by rule answers the same again."""


@dataclass(frozen=True, slots=True)
class Study:
    """Where the memory comes from: who rolls out what, and who names the spans."""

    about: str
    levels: Sequence[str]
    seeds: int
    road: Road = "instruct"
    step_limit: int = 64
    spans: int | None = None
    goals: bool = True

    def plan(self) -> Plan:
        """The run that makes it; whole trajectories are `whole`'s business."""
        kinds: tuple[Construction, ...] = ("abstraction",) if self.goals else CONSTRUCTIONS
        return Plan(
            ENVIRONMENT,
            "BabyAI",
            tuple(Task(level, seed) for level in self.levels for seed in range(self.seeds)),
            road=self.road,
            step_limit=self.step_limit,
            spans=self.spans,
            constructions=kinds,
            originals=False,
        )


STUDIES = {
    "expert": Study("an expert does what it was told; goals named in hindsight", LEVELS, 12),
    "rules": Study("the same, its steps listed by rule instead of goals", LEVELS, 12, spans=18, goals=False),
    "several": Study("an expert does several tasks in a row; goals", SEVERAL, 16, step_limit=256, spans=120),
    "explore": Study("an explorer that follows nothing; goals", LEVELS, 20, road="explore", spans=120),
}


@dataclass(frozen=True, slots=True)
class Made:
    """The rollouts of a study and the pairs constructed from them."""

    rollouts: Sequence[Rollout]
    pairs: Sequence[Trajectory]

    def to_fields(self) -> dict[str, JSON]:
        """Their counts."""
        return {
            "rollouts": len(self.rollouts),
            "steps": sum(len(one.actions) for one in self.rollouts),
            "succeeded": sum(one.success for one in self.rollouts),
            "pairs": len(self.pairs),
        }


def expert() -> Expert:
    """BabyAI with its expert."""
    from environments.babyai import BabyAI

    return BabyAI()


def make(study: Study, folder: Path, progress: Progress) -> Made:
    """Roll out and construct; what was played and named before isn't again."""
    plan = study.plan()
    model: LanguageModel = namer() if study.goals else RuleSummariser()
    pairs: dict[str, Trajectory] = {}

    async def run() -> None:
        async with Calls(folder, {"construct": model}, CallLimits(), ONCE) as calls:
            shop = replace(equipped(plan, expert, calls, None), width=1)
            await Run(folder, plan, shop, progress).synthesize(
                (), lambda kept: pairs.update((pair.id, pair) for pair in kept)
            )

    asyncio.run(run())
    return Made(Lines(folder / "rollouts.ndjson", Rollout.of).read(), list(pairs.values()))


def whole(rollout: Rollout) -> Trajectory:
    """The rollout as it is, with the instruction that it was given and no word on its success."""
    everything = piece(rollout, Span(0, len(rollout.actions)))
    return without_repeats(
        replace(
            everything,
            id=f"{rollout.id}/whole",
            instruction=rollout.instruction,
            source={"rollout": rollout.id},
            metadata={"task": rollout.task},
        )
    )
