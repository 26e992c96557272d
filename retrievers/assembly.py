"""From ranked candidates to demonstrations that fit the token budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from indexing.records import Step, Trajectory
from retrievers.budget import Meter
from retrievers.likeness import NOTHING, Likeness
from retrievers.rendering import render_demonstration
from retrievers.requests import Candidate, Demonstration, Shown
from retrievers.shelf import Priced, Shelf
from retrievers.windows import window

FINAL = "final"
"""The kind of a match with what was seen after the last action: there is no step to compare."""

ELISION = " […] "
SMALLEST_EXCERPT = 24
"""Tokens below which a cut observation says nothing."""


PRICED_AHEAD = 64
"""Candidates among which the tokens are divided before the first is shown; later ones get what is left."""


def fair(needs: Sequence[int], left: int) -> int:
    """The most that each may take so that all get as much as they need, or as much as any other.

    Max-min fairness: what the modest leave is divided among the rest.

    >>> fair([10, 10, 100], 200), fair([10, 10, 100], 60), fair([50, 50, 50], 60)
    (200, 40, 20)
    """
    rest = left
    for place, need in enumerate(sorted(needs)):
        others = len(needs) - place
        if need * others > rest:
            return rest // others
        rest -= need
    return left


class Assembler:
    """Shows candidates of one snapshot, in order, until the budget is spent."""

    def __init__(
        self, shelf: Shelf, meter: Meter, likeness: Mapping[int, Likeness], budget: int, windowed: bool
    ) -> None:
        self.shelf = shelf
        self.likeness = likeness
        self.meter = meter
        self.left = budget - meter.demonstrations_heading
        self.windowed = windowed
        self.shown: list[Demonstration] = []

    def show(self, candidates: Sequence[Candidate]) -> list[Demonstration]:
        """Demonstrations in the order given.

        Whole trajectories that don't fit are dropped. With windows, all are whole where that fits. Else
        each may have an equal share, but its matched step in any case; what one doesn't need is the
        others'.
        """
        if not self.windowed:
            for candidate in candidates:
                if self.left > 0:
                    self._add(candidate, self.shelf[candidate.trajectory], self.left)
            return self.shown
        several = [self.shelf[candidate.trajectory] for candidate in candidates[:PRICED_AHEAD]]
        needs = [self._sizes(*one)[-1] for one in zip(candidates, several, strict=False)]
        for place, candidate in enumerate(candidates):
            if self.left <= 0:
                break
            priced = several[place] if place < len(several) else self.shelf[candidate.trajectory]
            self._add(candidate, priced, fair(needs[place:], self.left))
        return self.shown

    def _add(self, candidate: Candidate, priced: Priced, share: int) -> None:
        one = self._one(candidate, priced, share)
        if one is not None:
            self.shown.append(one)
            self.left -= one.tokens

    def _sizes(self, candidate: Candidate, priced: Priced) -> tuple[int | None, int, Sequence[int], int]:
        """The aligned step, and in tokens the frame, each step and the whole, if it were shown next."""
        step = self._step(candidate, priced)
        frame = self.meter.frame(len(self.shown) + 1, priced.success) + priced.frame
        costs = self._costs(priced, step)
        return step, frame, costs, frame + sum(costs) + priced.final

    def _one(self, candidate: Candidate, priced: Priced, share: int) -> Demonstration | None:
        step, frame, costs, total = self._sizes(candidate, priced)
        if total <= share or not self.meter.additive:
            final = priced.record.final_observation
            whole = self._shows(candidate, priced.record, step, priced.steps, total, final)
            if whole.tokens <= share:
                return whole
        if not self.windowed:
            return None
        ended = step is None and candidate.position is not None
        centre = len(costs) - 1 if ended else step or 0
        aim = max(share - frame, costs[centre])
        while frame + costs[centre] <= self.left and aim > 0:
            kept = window(costs, centre, aim)
            tokens = frame + sum(costs[kept.start : kept.stop])
            shown = priced.steps[kept.start : kept.stop]
            one = self._shows(candidate, priced.record, step, shown, tokens)
            if kept and one.tokens <= self.left:
                return one
            if len(kept) <= 1:
                break
            aim = min(aim - 1, int(aim * 0.9))
        return None if self.shown else self._excerpt(candidate, priced.record, step, centre)

    def _step(self, candidate: Candidate, priced: Priced) -> int | None:
        """The step that the candidate is aligned to; None also where it is the final observation."""
        if candidate.position is None:
            return None
        step = candidate.position - priced.first
        return step if step < len(priced.steps) else None

    def _costs(self, priced: Priced, matched: int | None) -> Sequence[int]:
        """What each step costs, the matched one with its longer label."""
        if matched is None:
            return priced.costs
        costs = list(priced.costs)
        costs[matched] += self.meter.matched(matched, len(costs))
        return costs

    def _match(self, candidate: Candidate, step: int | None) -> tuple[str, float]:
        """How the aligned observation compares to the current one; else how the candidate was found."""
        if candidate.position is None:
            return candidate.kind, candidate.score
        kind, like = self.likeness.get(candidate.position, NOTHING)
        if step is None and kind is not None:
            return FINAL, like
        if kind is None and candidate.kind == "dense":
            return candidate.kind, candidate.score
        return kind or "lexical", like

    def _shows(
        self,
        candidate: Candidate,
        record: Trajectory,
        step: int | None,
        shown: tuple[Shown, ...],
        tokens: int | None,
        final: str | None = None,
    ) -> Demonstration:
        kind, score = self._match(candidate, step)
        one = Demonstration(
            id=record.id,
            instruction=record.instruction,
            steps=shown,
            length=len(record.steps),
            final_observation=final,
            channel=candidate.channel,
            kind=kind,
            step=step,
            score=score,
            next_action=record.steps[step].action if step is not None else None,
            tokens=tokens or 0,
            outcome=record.outcome or {},
            source=record.source or {},
            metadata=record.metadata or {},
        )
        if tokens is not None and self.meter.additive:
            return one
        text = render_demonstration(len(self.shown) + 1, one)
        return replace(one, tokens=self.meter.tokenizer.count([text])[0])

    def _excerpt(
        self, candidate: Candidate, record: Trajectory, step: int | None, centre: int
    ) -> Demonstration | None:
        """The matched step alone, its observation cut in the middle: a last resort."""
        full = record.steps[centre]
        size = self.meter.text(full.observation)

        def cut(observation: str) -> Demonstration:
            shown = Shown(centre, Step(observation, full.action, full.thought), truncated=True)
            return self._shows(candidate, record, step, (shown,), None)

        spare = self.left - cut("").tokens
        while spare >= SMALLEST_EXCERPT:
            characters = int(len(full.observation) * spare / max(size, 1))
            head = characters * 2 // 3
            tail = characters - head
            text = full.observation[:head] + ELISION + (full.observation[-tail:] if tail else "")
            one = cut(text)
            if one.tokens <= self.left:
                return one
            spare = int(spare * 0.9)
        return None
