"""A comparison in numbers: each variant's figures with intervals, and how it stands to the baselines.

`evaluation.summarize` makes these values from rows; the report, the table and `summary.json` show them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from evaluation.results import Equality
from evaluation.statistics import LEVEL, Estimate
from indexing.records import JSON

BASELINES = ("instruction", "paper")
"""What the others are compared with: plain RAG by instruction, and the paper's rule."""

HEADLINE: Equality = "slot"
DIGITS = 5

Scores: TypeAlias = Mapping[Equality, Mapping[str, Estimate]]
"""By equality, then by measure: `hit@1`, `hit@5`, `hit@10` and `mrr`, or `hit@1`, `hit@5` and `hit`."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure less, and divided by, a baseline's on the same situations; None where that is no number."""

    difference: Estimate
    ratio: Estimate | None


Against: TypeAlias = Mapping[Equality, Mapping[str, Comparison]]


@dataclass(frozen=True, slots=True)
class Result:
    """One variant, matched with the others by number (`budget` None) or by tokens of prompt.

    `shown` and `tokens` are means over situations, `ms_median` and `ms_p95` are of the answers; each is
    then averaged over `collections`, the number of collections that the variant was measured on.
    """

    variant: str
    budget: int | None
    collections: int
    situations: int
    shown: float
    tokens: float
    ms_median: float
    ms_p95: float
    scores: Scores
    against: Mapping[str, Against]

    def score(self, measure: str) -> Estimate:
        """A figure under the equality that counts most."""
        return self.scores[HEADLINE][measure]

    def compared(self, baseline: str, measure: str) -> Comparison | None:
        """A figure against a baseline's under that equality, where both were measured."""
        found = self.against.get(baseline)
        return found[HEADLINE][measure] if found else None

    def to_fields(self) -> dict[str, JSON]:
        """As a JSON object; who it is stands in its keys."""
        return {
            "collections": self.collections,
            "situations": self.situations,
            "shown": round(self.shown, 2),
            "tokens": round(self.tokens, 1),
            "ms": {"median": round(self.ms_median, 3), "p95": round(self.ms_p95, 3)},
            "scores": {
                equality: {measure: rounded(estimate) for measure, estimate in scores.items()}
                for equality, scores in self.scores.items()
            },
            "against": {
                baseline: {
                    equality: {measure: _compared(one) for measure, one in scores.items()}
                    for equality, scores in against.items()
                }
                for baseline, against in self.against.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of task: slot hit@1 and hit@5 of each variant, matched by number."""

    name: str
    episodes: int
    situations: int
    reachable: Estimate
    hits: Mapping[str, Mapping[str, Estimate]]

    def to_fields(self) -> dict[str, JSON]:
        return {
            "episodes": self.episodes,
            "situations": self.situations,
            "reachable": rounded(self.reachable),
            "variants": {
                variant: {measure: rounded(estimate) for measure, estimate in scores.items()}
                for variant, scores in self.hits.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Scope:
    """One collection, or the mean over all of them, each of the same weight."""

    name: str
    episodes: int
    situations: int
    reachable: Estimate
    results: tuple[Result, ...]
    families: tuple[Family, ...] = ()

    def result(self, variant: str, budget: int | None = None) -> Result | None:
        """The figures of a variant under a budget, if it was measured so."""
        return next((one for one in self.results if (one.variant, one.budget) == (variant, budget)), None)

    def by_number(self) -> list[Result]:
        """What was matched by number, the best hit@1 first."""
        found = [one for one in self.results if one.budget is None]
        return sorted(found, key=lambda one: (-one.score("hit@1").value, one.variant))

    def by_tokens(self, variant: str) -> list[Result]:
        """A variant under each budget, the smallest first."""
        found = [(one.budget, one) for one in self.results if one.variant == variant and one.budget]
        return [one for _, one in sorted(found, key=lambda pair: pair[0])]

    def to_fields(self) -> dict[str, JSON]:
        variants: dict[str, JSON] = {}
        for one in self.results:
            its = variants.setdefault(one.variant, {"by_number": None, "by_tokens": {}})
            if one.budget is None:
                its["by_number"] = one.to_fields()
            else:
                its["by_tokens"][str(one.budget)] = one.to_fields()
        return {
            "episodes": self.episodes,
            "situations": self.situations,
            "reachable": rounded(self.reachable),
            "variants": variants,
            "families": {family.name: family.to_fields() for family in self.families},
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole comparison. The same rows and the same seed give the same summary."""

    seed: int
    resamples: int
    baselines: tuple[str, ...]
    across: Scope
    collections: tuple[Scope, ...]

    @property
    def variants(self) -> list[str]:
        """All variants, the best over all collections first."""
        ordered = [one.variant for one in self.across.by_number()]
        return [*ordered, *sorted({one.variant for one in self.across.results} - set(ordered))]

    @property
    def budgets(self) -> list[int]:
        """All budgets in tokens, the smallest first."""
        return sorted({one.budget for one in self.across.results if one.budget is not None})

    def to_fields(self) -> dict[str, JSON]:
        """As JSON: `across` and each of `collections` hold the same fields."""
        return {
            "seed": self.seed,
            "resamples": self.resamples,
            "level": LEVEL,
            "baselines": list(self.baselines),
            "across": self.across.to_fields(),
            "collections": {scope.name: scope.to_fields() for scope in self.collections},
        }


def rounded(estimate: Estimate) -> dict[str, float]:
    """An estimate as a JSON object."""
    numbers = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: round(number, DIGITS) for name, number in numbers.items()}


def _compared(one: Comparison) -> dict[str, JSON]:
    return {"difference": rounded(one.difference), "ratio": rounded(one.ratio) if one.ratio else None}
