"""From ranked candidates to demonstrations that fit the token budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from indexing.records import Step, Trajectory
from indexing.snapshot import Snapshot
from retrievers.budget import Meter
from retrievers.likeness import Likeness
from retrievers.rendering import render_demonstration
from retrievers.requests import Candidate, Demonstration, Shown
from retrievers.windows import window

ELISION = " […] "
SMALLEST_EXCERPT = 24
"""Tokens below which a cut observation says nothing."""


class Assembler:
    """Shows candidates of one snapshot, in order, until the budget is spent."""

    def __init__(
        self, snapshot: Snapshot, meter: Meter, likeness: Likeness, budget: int, windowed: bool
    ) -> None:
        self.snapshot = snapshot
        self.likeness = likeness
        self.meter = meter
        self.left = budget - meter.demonstrations_heading
        self.windowed = windowed
        self.shown: list[Demonstration] = []

    def show(self, candidates: Sequence[Candidate]) -> list[Demonstration]:
        """Demonstrations in the order given.

        Whole trajectories that don't fit are dropped. With windows, each may have an equal share of
        what is left, but its matched step in any case; what one doesn't need is left to the next.
        """
        for place, candidate in enumerate(candidates):
            if self.left <= 0:
                break
            share = self.left // (len(candidates) - place) if self.windowed else self.left
            one = self._one(candidate, share)
            if one is not None:
                self.shown.append(one)
                self.left -= one.tokens
        return self.shown

    def _one(self, candidate: Candidate, share: int) -> Demonstration | None:
        record = self.snapshot.trajectory(candidate.trajectory)
        step = self._step(candidate, record)
        whole = self._whole(candidate, record, step)
        if whole.tokens <= share:
            return whole
        if not self.windowed:
            return None
        ended = step is None and candidate.position is not None
        centre = len(record.steps) - 1 if ended else step or 0
        return self._window(whole, candidate.trajectory, centre, share)

    def _step(self, candidate: Candidate, record: Trajectory) -> int | None:
        if candidate.position is None:
            return None
        step = candidate.position - self.snapshot.first_position(candidate.trajectory)
        return step if step < len(record.steps) else None

    def _match(self, candidate: Candidate, record: Trajectory, step: int | None) -> tuple[str, float]:
        """How the aligned observation compares to the current one; else how the candidate was found."""
        if candidate.position is None:
            return candidate.kind, candidate.score
        observation = record.final_observation if step is None else record.steps[step].observation
        kind, like = self.likeness.kind(observation or "")
        if kind is None and candidate.kind == "dense":
            return candidate.kind, candidate.score
        return kind or "lexical", like

    def _whole(self, candidate: Candidate, record: Trajectory, step: int | None) -> Demonstration:
        kind, score = self._match(candidate, record, step)
        one = Demonstration(
            id=record.id,
            instruction=record.instruction,
            steps=tuple(Shown(index, each) for index, each in enumerate(record.steps)),
            length=len(record.steps),
            final_observation=record.final_observation,
            channel=candidate.channel,
            kind=kind,
            step=step,
            score=score,
            next_action=record.steps[step].action if step is not None else None,
            tokens=0,
            outcome=record.outcome or {},
            source=record.source or {},
            metadata=record.metadata or {},
        )
        if not self.meter.additive:
            return replace(one, tokens=self._measure(one))
        frame, steps, final = self._costs(candidate.trajectory, one)
        return replace(one, tokens=frame + sum(steps) + final)

    def _measure(self, one: Demonstration) -> int:
        return self.meter.tokenizer.count([render_demonstration(len(self.shown) + 1, one)])[0]

    def _costs(self, trajectory: int, one: Demonstration) -> tuple[int, list[int], int]:
        """Cost of the frame, of each step, and of the final observation."""
        instruction, counts = self.snapshot.costs(trajectory)
        success = one.outcome.get("success")
        frame = (
            self.meter.frame(len(self.shown) + 1, success if isinstance(success, bool) else None)
            + instruction
        )
        table: list[tuple[int, int, int]] = counts.tolist()
        steps = self.meter.steps(one.step, table, [shown.step.thought is not None for shown in one.steps])
        final = self.meter.final(table[-1][0]) if one.final_observation is not None else 0
        return frame, steps, final

    def _window(self, whole: Demonstration, trajectory: int, centre: int, share: int) -> Demonstration | None:
        frame, costs, _ = self._costs(trajectory, whole)
        aim = max(share - frame, costs[centre])
        while frame + costs[centre] <= self.left and aim > 0:
            kept = window(costs, centre, aim)
            steps = tuple(whole.steps[kept.start : kept.stop])
            one = replace(
                whole, steps=steps, final_observation=None, tokens=frame + sum(costs[kept.start : kept.stop])
            )
            if not self.meter.additive:
                one = replace(one, tokens=self._measure(one))
            if kept and one.tokens <= self.left:
                return one
            if len(kept) <= 1:
                break
            aim = min(aim - 1, int(aim * 0.9))
        return self._excerpt(whole, centre, frame)

    def _excerpt(self, whole: Demonstration, centre: int, frame: int) -> Demonstration | None:
        """The matched step alone, its observation cut in the middle: a last resort."""
        if self.shown:
            return None
        step = whole.steps[centre].step
        bare = self._cut(whole, centre, "")
        spare = self.left - (frame + bare.tokens if self.meter.additive else self._measure(bare))
        size = self.meter.text(step.observation)
        while spare >= SMALLEST_EXCERPT:
            characters = int(len(step.observation) * spare / max(size, 1))
            head = characters * 2 // 3
            tail = characters - head
            text = step.observation[:head] + ELISION + (step.observation[-tail:] if tail else "")
            one = self._cut(whole, centre, text)
            one = replace(one, tokens=self._measure(one))
            if one.tokens <= self.left:
                return one
            spare = int(spare * 0.9)
        return None

    def _cut(self, whole: Demonstration, centre: int, observation: str) -> Demonstration:
        step = whole.steps[centre].step
        shown = Shown(centre, Step(observation, step.action, step.thought), truncated=True)
        cut = replace(whole, steps=(shown,), final_observation=None)
        thought = None if step.thought is None else self.meter.text(step.thought)
        cost = self.meter.step(
            centre, whole.length, centre == whole.step, 0, self.meter.text(step.action), thought
        )
        return replace(cut, tokens=cost)
