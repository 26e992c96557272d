"""A closed loop in numbers: what each variant's agent achieved, and how that stands to the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.closed_loop import Counts
from evaluation.statistics import LEVEL, Estimate
from evaluation.summary import rounded
from indexing.records import JSON


@dataclass(frozen=True, slots=True)
class Standing:
    """One variant in one world, or its mean over worlds.

    `counted` is success or score, whichever counts there; `against` has what it is more than each
    baseline's on the same tasks. `steps` is a mean over episodes, `advised` the share of their steps with
    any advice, `ms` the median retrieval's.
    """

    variant: str
    success: Estimate
    score: Estimate
    counted: Estimate
    against: Mapping[str, Estimate]
    steps: float
    advised: float
    ms: float

    def to_fields(self) -> dict[str, JSON]:
        """As a JSON object; who it is stands in its key."""
        return {
            "success": rounded(self.success),
            "score": rounded(self.score),
            "counted": rounded(self.counted),
            "against": {name: rounded(one) for name, one in self.against.items()},
            "steps": round(self.steps, 2),
            "advised": round(self.advised, 4),
            "ms": round(self.ms, 3),
        }


@dataclass(frozen=True, slots=True)
class Kind:
    """One family of tasks: what each variant achieved in it."""

    name: str
    tasks: int
    counted: Mapping[str, Estimate]

    def to_fields(self) -> dict[str, JSON]:
        return {
            "tasks": self.tasks,
            "variants": {variant: rounded(one) for variant, one in self.counted.items()},
        }


@dataclass(frozen=True, slots=True)
class Played:
    """One world, or the mean over the `gated` ones, of the same weight; the best variant stands first.

    Only tasks that every variant has played count, so that differences are paired.
    """

    name: str
    about: str
    held_out: str
    counts: Counts | None
    tasks: int
    standings: tuple[Standing, ...]
    kinds: tuple[Kind, ...] = ()
    gated: bool = True

    def standing(self, variant: str) -> Standing | None:
        """How a variant did, if it was played."""
        return next((one for one in self.standings if one.variant == variant), None)

    @property
    def measure(self) -> str:
        """What `counted` is, in words."""
        return {"success": "success rate", "score": "score", None: "success rate or score"}[self.counts]

    def to_fields(self) -> dict[str, JSON]:
        return {
            "about": self.about,
            "held_out": self.held_out,
            "counts": self.counts,
            "gated": self.gated,
            "tasks": self.tasks,
            "variants": {one.variant: one.to_fields() for one in self.standings},
            "families": {one.name: one.to_fields() for one in self.kinds},
        }


@dataclass(frozen=True, slots=True)
class Loop:
    """A whole closed loop. The same episodes and the same seed give the same numbers.

    `across` is the mean over `worlds`, and the world itself where there is one.
    """

    agent: str
    about_agent: str
    seed: int
    resamples: int
    baselines: tuple[str, ...]
    across: Played
    worlds: tuple[Played, ...]

    @property
    def scopes(self) -> tuple[Played, ...]:
        """The mean first, where there is more than one world."""
        return (self.across, *self.worlds) if len(self.worlds) > 1 else self.worlds

    def to_fields(self) -> dict[str, JSON]:
        """As a JSON object."""
        return {
            "agent": self.agent,
            "seed": self.seed,
            "resamples": self.resamples,
            "level": LEVEL,
            "baselines": list(self.baselines),
            "across": self.across.to_fields(),
            "worlds": {one.name: one.to_fields() for one in self.worlds},
        }
