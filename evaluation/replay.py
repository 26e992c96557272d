"""Replay, open loop: at a step of a held-out episode, what would each variant have shown?

A hit is a demonstration whose next action equals what was really done next. Whatever a variant shows
whole is aligned after the fact by the rule that aligns ours, so that retrieval is compared apart
from alignment.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from evaluation.asking import located, request
from evaluation.results import EQUALITIES, Equality, Row
from evaluation.split import family
from evaluation.variants import PRIOR, VARIANTS, Variant
from indexing.analysis import fingerprint
from indexing.lane import EmbeddingLane
from indexing.records import Trajectory
from indexing.snapshot import Snapshot
from retrievers.context import Context
from retrievers.moments import MomentsOf, moments_of
from retrievers.requests import Demonstration, Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Situation
from retrievers.slots import plain, slots, template

T = TypeVar("T")

CUTS = (1, 5, 10)
"""The numbers of demonstrations that hit rates are told for."""


@dataclass(frozen=True, slots=True)
class Gold:
    """What was really done next, under each equality."""

    slot: int
    template: str
    exact: str

    @classmethod
    def of(cls, record: Trajectory, step: int, everyday: frozenset[str]) -> Gold:
        """The action of a step, read in its own situation."""
        action = record.steps[step].action
        seen = [plain(one.observation) for one in reversed(record.steps[: step + 1])]
        own = fingerprint(slots(action, plain(record.instruction), seen, everyday))
        return cls(own, template(action), action)

    def equals(self, slot: int, action: str) -> dict[Equality, bool]:
        """Whether an action of these slots is the same advice, by each equality."""
        return {
            "slot": slot == self.slot,
            "template": template(action) == self.template,
            "exact": action == self.exact,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """A demonstration after alignment: what it advises, and whether the step that does is shown."""

    slot: int
    action: str
    in_sight: bool


class Replay:
    """Asks each variant about held-out episodes, from one collection's memory.

    Every variant has a lane of its own, so that none finds embedded what another had to embed.
    """

    def __init__(
        self,
        collection: str,
        snapshot: Snapshot,
        lanes: Mapping[str, EmbeddingLane],
        k: int,
        budgets: Sequence[int],
    ) -> None:
        self.collection = collection
        self.snapshot = snapshot
        self.lanes = lanes
        self.k = k
        self.budgets = tuple(budgets)
        self.moments: MomentsOf = moments_of(snapshot)
        self._common = _Common.of(snapshot) if PRIOR in lanes else None

    def rows(self, episode: Trajectory, steps: Iterable[int]) -> Iterator[list[Row]]:
        """The rows of each of these steps."""
        for step in steps:
            gold = Gold.of(episode, step, self.moments.everyday)
            blank = Row(
                collection=self.collection,
                family=family(episode),
                episode=episode.id,
                step=step,
                variant=PRIOR,
                budget=None,
                shown=self.k,
                slot=None,
                template=None,
                exact=None,
                reachable=bool(self.moments.frequency(np.array([gold.slot], np.uint64))[0]),
                tokens=0,
                ms=0.0,
            )
            rows = [_ranked(blank, self._common.ranks(gold, self.k))] if self._common else []
            for name in self.lanes:
                if name != PRIOR:
                    rows += self._variant(VARIANTS[name], episode, step, gold, blank)
            yield rows

    def _variant(
        self, variant: Variant, episode: Trajectory, step: int, gold: Gold, blank: Row
    ) -> Iterator[Row]:
        blank = replace(blank, variant=variant.name)
        yield self._by_number(variant, episode, step, gold, blank)
        if variant.by_tokens:
            for budget in self.budgets:
                limits = replace(variant.limits(self.k), tokens=budget)
                found, row = self._ask(variant, episode, step, limits, blank)
                seen = [one for one in found if one.in_sight]
                yield replace(_ranked(row, _ranks(gold, seen)), budget=budget)

    def _by_number(self, variant: Variant, episode: Trajectory, step: int, gold: Gold, blank: Row) -> Row:
        found, row = self._ask(variant, episode, step, variant.limits(self.k), blank)
        ranks = _ranks(gold, found)
        if variant.depends_on_k:
            for cut in sorted((cut for cut in CUTS if cut < self.k), reverse=True):
                fewer = _ranks(gold, self._ask(variant, episode, step, variant.limits(cut), blank)[0])
                for name, rank in fewer.items():
                    # A rank counts for every cut from it on, so a hit among ten alone comes after five.
                    ranks[name] = rank if rank is not None else _after(ranks[name], cut)
        return _ranked(row, ranks)

    def _ask(
        self, variant: Variant, episode: Trajectory, step: int, limits: Limits, blank: Row
    ) -> tuple[list[Found], Row]:
        snapshot, lane = variant.view(self.snapshot), self.lanes[variant.name]
        asked = _request(episode, 0 if variant.once else step, limits)
        begun = time.perf_counter()
        answer = retrieve(snapshot, lane, asked, variant.strategy)
        ms = (time.perf_counter() - begun) * 1e3
        here = _request(episode, step, limits) if variant.once else asked
        found = self._found(
            Context(snapshot, lane, here, snapshot.trajectories.alive), answer.demonstrations, variant.once
        )
        return found, replace(blank, shown=len(found), tokens=answer.tokens, ms=round(ms, 3))

    def _found(self, context: Context, shown: Sequence[Demonstration], again: bool) -> list[Found]:
        found = []
        for one, (number, step) in zip(shown, located(context, shown, again), strict=True):
            in_sight = any(show.index == step for show in one.steps)
            steps = self.snapshot.trajectory(number).steps
            action = steps[step].action if step < len(steps) else ""
            slot = int(self.moments.advice(np.array([self.snapshot.first_position(number) + step]))[0])
            found.append(Found(slot, action, in_sight))
        return found


def _request(episode: Trajectory, step: int, limits: Limits) -> Request:
    situation = Situation(episode.instruction, episode.steps[:step], episode.steps[step].observation)
    return request(situation, limits)


def _ranks(gold: Gold, found: Sequence[Found]) -> dict[Equality, int | None]:
    ranks: dict[Equality, int | None] = dict.fromkeys(EQUALITIES)
    for rank, one in enumerate(found, 1):
        for name, equal in gold.equals(one.slot, one.action).items():
            if equal and ranks[name] is None:
                ranks[name] = rank
    return ranks


def _ranked(row: Row, ranks: Mapping[Equality, int | None]) -> Row:
    return replace(row, slot=ranks["slot"], template=ranks["template"], exact=ranks["exact"])


def _after(rank: int | None, cut: int) -> int | None:
    return None if rank is None else max(rank, cut + 1)


@dataclass(frozen=True, slots=True)
class _Common:
    """The commonest actions of a memory under each equality, commonest first."""

    slot: list[int]
    template: list[str]
    exact: list[str]

    @classmethod
    def of(cls, snapshot: Snapshot) -> _Common:
        moments = moments_of(snapshot)
        advice: Counter[int] = Counter()
        templates: Counter[str] = Counter()
        actions: Counter[str] = Counter()
        for number in np.flatnonzero(snapshot.trajectories.alive).tolist():
            record = snapshot.trajectory(number)
            first = snapshot.first_position(number)
            advice.update(moments.advice(np.arange(first, first + len(record.steps))).tolist())
            templates.update(template(step.action) for step in record.steps)
            actions.update(step.action for step in record.steps)
        return cls(_most(advice), _most(templates), _most(actions))

    def ranks(self, gold: Gold, k: int) -> dict[Equality, int | None]:
        return {
            "slot": _place(self.slot[:k], gold.slot),
            "template": _place(self.template[:k], gold.template),
            "exact": _place(self.exact[:k], gold.exact),
        }


def _most(counted: Counter[T]) -> list[T]:
    return [key for key, _ in counted.most_common(max(CUTS))]


def _place(found: Sequence[object], wanted: object) -> int | None:
    return found.index(wanted) + 1 if wanted in found else None
