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
        frame, costs, final = self._costs(candidate.trajectory, record, step)
        total = frame + sum(costs) + final
        if total <= share or not self.meter.additive:
            whole = self._made(candidate, record, step, range(len(record.steps)), total)
            if whole.tokens <= share:
                return whole
        if not self.windowed:
            return None
        ended = step is None and candidate.position is not None
        centre = len(record.steps) - 1 if ended else step or 0
        aim = max(share - frame, costs[centre])
        while frame + costs[centre] <= self.left and aim > 0:
            kept = window(costs, centre, aim)
            tokens = frame + sum(costs[kept.start : kept.stop])
            one = self._made(candidate, record, step, kept, tokens, final=False)
            if kept and one.tokens <= self.left:
                return one
            if len(kept) <= 1:
                break
            aim = min(aim - 1, int(aim * 0.9))
        return None if self.shown else self._excerpt(candidate, record, step, centre)

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

    def _made(
        self,
        candidate: Candidate,
        record: Trajectory,
        step: int | None,
        kept: range,
        tokens: int,
        final: bool = True,
    ) -> Demonstration:
        """The demonstration that shows the steps `kept`; `tokens` is what they cost, where costs add up."""
        shown = tuple(Shown(index, record.steps[index]) for index in kept)
        return self._shows(
            candidate, record, step, shown, tokens, record.final_observation if final else None
        )

    def _shows(
        self,
        candidate: Candidate,
        record: Trajectory,
        step: int | None,
        shown: tuple[Shown, ...],
        tokens: int | None,
        final: str | None = None,
    ) -> Demonstration:
        kind, score = self._match(candidate, record, step)
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

    def _costs(self, trajectory: int, record: Trajectory, step: int | None) -> tuple[int, list[int], int]:
        """Cost of the frame, of each step, and of the final observation."""
        instruction, counts = self.snapshot.costs(trajectory)
        success = (record.outcome or {}).get("success")
        frame = self.meter.frame(len(self.shown) + 1, success if isinstance(success, bool) else None)
        table: list[tuple[int, int, int]] = counts.tolist()
        steps = self.meter.steps(step, table, [each.thought is not None for each in record.steps])
        final = self.meter.final(table[-1][0]) if record.final_observation is not None else 0
        return frame + instruction, steps, final

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
