"""Algorithm 1 as one run: instructions, rollouts, backward construction, filter, into a collection.

Everything paid for is kept in the run's folder: model calls by their content (`synthesis.calls`) and
finished rollouts. All else is worked out anew at each start, in one fixed order, so that a run that was
interrupted at any point ends with the same pairs as one that was not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias, TypeVar

from pydantic_core import to_json

from environments.base import Environment
from environments.errors import EnvironmentFault, Stalled
from indexing.errors import InvalidInput
from indexing.lines import Lines
from indexing.records import Document, Trajectory, to_fields
from synthesis.acting import FAILED, Attempt, roll_out
from synthesis.committee import Verdict
from synthesis.construction import Pair, construct, original
from synthesis.documents import Passage, split
from synthesis.duplicates import NearDuplicates, course, trajectory_key
from synthesis.errors import BudgetSpent, CallFailed
from synthesis.instructions import instructions
from synthesis.patience import in_time
from synthesis.plan import Plan
from synthesis.rollouts import Rollout
from synthesis.spans import Span, sample
from synthesis.summary import Rejected, Summary
from synthesis.tutorials import tutorial
from synthesis.workshops import Workshop

T = TypeVar("T")

WINDOW = 16
"""Rollouts whose spans are named and judged at once."""

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told (stage, done, total); may raise to stop."""

Accept: TypeAlias = Callable[[Sequence[Trajectory]], None]
"""Takes accepted pairs into a collection; the same ones again change nothing."""


class Run:
    """One run in its folder: the plan, the calls, the rollouts, what was rejected, the summary."""

    def __init__(self, folder: Path, plan: Plan, workshop: Workshop, progress: Progress) -> None:
        plan.keep(folder)
        self.folder, self.plan = folder, plan
        self._workshop, self._progress = workshop, progress
        self._rollouts = Lines(folder / "rollouts.ndjson", Rollout.of, durable=True)
        self._rejected = Lines(folder / "rejected.ndjson", Rejected)

    async def synthesize(self, documents: Sequence[Document], accept: Accept) -> Summary:
        """Do what is left to do. A spent budget ends it in good order: `stopped` says so.

        Raises
        ------
        InvalidInput
            The environment has no such task, or isn't installed.
        """
        summary = Summary(documents=len(documents))
        self._rejected.path.unlink(missing_ok=True)
        try:
            attempts = await self._attempts(documents, summary)
            found = await self._rolled_out(attempts, summary)
            await self._constructed(found, accept, summary)
        except BudgetSpent as spent:
            summary.stopped = str(spent)
        spent_so_far = asdict(self._workshop.calls.spent())
        told = to_json({**summary.to_fields(), "spent": spent_so_far}, indent=1)
        (self.folder / "summary.json").write_bytes(told + b"\n")
        return summary

    async def _attempts(self, documents: Sequence[Document], summary: Summary) -> list[Attempt]:
        plan = self.plan
        if not documents or plan.road == "explore":
            return [Attempt(f"{plan.name}/{task.name}/{task.variation}", task) for task in plan.tasks]
        passages = [one for document in documents for one in split(document, plan.passage_characters)]
        self._progress("writing tasks", 0, len(passages))
        written = await _gathered(_or_failure(self._wanted(passage)) for passage in passages)
        self._progress("writing tasks", len(passages), len(passages))
        known = NearDuplicates(plan.alike) if plan.alike is not None else None
        attempts: list[Attempt] = []
        rejected: list[Rejected] = []
        for passage, found in zip(passages, written, strict=True):
            if isinstance(found, CallFailed):
                summary.failed[f"instructions: {found.kind}"] += 1
                continue
            for text, guidance in found:
                if known is not None and (earlier := known.add(text, text)) is not None:
                    wanted = {"instruction": text, "document": passage.document, "like": earlier}
                    rejected.append(Rejected("near-duplicate instruction", task=wanted))
                    continue
                id = f"{plan.name}/{_digest(passage.document, text)}"
                task = plan.tasks[len(attempts) % len(plan.tasks)]
                attempts.append(Attempt(id, task, text, (passage.document,), guidance))
        summary.instructions = len(attempts)
        self._reject(rejected, summary)
        return attempts

    async def _wanted(self, passage: Passage) -> list[tuple[str, str]]:
        """Tasks of a passage, each with the guidance that it gives."""
        plan, calls = self.plan, self._workshop.calls
        if plan.road == "tutorial":
            found = await tutorial(calls, passage, environment=plan.environment)
            return [(found.task, found.guidance())] if found else []
        texts = await instructions(calls, passage, plan.each, environment=plan.environment)
        return [(text, "") for text in texts]

    async def _rolled_out(self, attempts: Sequence[Attempt], summary: Summary) -> list[Rollout]:
        """The rollouts in order of their attempts; what is in the file isn't played again.

        One that a model's failure cut short isn't put there: a resumed run plays on, its answers paid for.
        """
        have = {rollout.id: rollout for rollout in self._rollouts.read()}
        left = [attempt for attempt in attempts if attempt.id not in have]
        queue, done = iter(left), len(attempts) - len(left)

        async def worker() -> None:
            nonlocal done
            environment: Environment | None = None
            try:
                for attempt in queue:
                    self._progress("rolling out", done, len(attempts))
                    if environment is None:
                        environment = await in_time(self._workshop.patience_s, self._workshop.make)
                    try:
                        rollout = await roll_out(
                            environment,
                            attempt,
                            self._workshop.policy(attempt),
                            self.plan.step_limit,
                            self._workshop.patience_s,
                        )
                    except Stalled:
                        summary.failed["rollout: stalled"] += 1
                        await self._close(environment)
                        environment = None
                        continue
                    except EnvironmentFault as fault:
                        raise InvalidInput(str(fault), "environment") from fault
                    if rollout.ended == "stalled":
                        await self._close(environment)
                        environment = None
                    if rollout.ended.startswith(FAILED):
                        summary.failed[f"rollout: {rollout.ended}"] += 1
                    else:
                        self._rollouts.append([rollout])
                    have[rollout.id] = rollout
                    done += 1
            finally:
                if environment is not None:
                    await self._close(environment)

        await _gathered(worker() for _ in range(self._workshop.width))
        self._progress("rolling out", len(attempts), len(attempts))
        found = [have[attempt.id] for attempt in attempts if attempt.id in have]
        summary.rollouts, summary.steps = len(found), sum(len(one.actions) for one in found)
        return found

    async def _close(self, environment: Environment) -> None:
        with suppress(EnvironmentFault):
            await in_time(self._workshop.patience_s, environment.close)

    async def _constructed(self, rollouts: Sequence[Rollout], accept: Accept, summary: Summary) -> None:
        known = NearDuplicates(self.plan.alike) if self.plan.alike is not None else None
        for first in range(0, len(rollouts), WINDOW):
            self._progress("constructing", first, len(rollouts))
            window = rollouts[first : first + WINDOW]
            for found in await _gathered(map(self._pairs, window)):
                self._keep(found, known, accept, summary)
        self._progress("constructing", len(rollouts), len(rollouts))

    async def _pairs(self, rollout: Rollout) -> _Found:
        """The pairs of a rollout with their verdicts, in order of their spans."""
        plan, calls = self.plan, self._workshop.calls
        drawn = sample(len(rollout.actions), plan.spans, plan.shares, rollout.id)
        wanted = [(span, kind) for span in drawn for kind in plan.constructions]
        model = plan.models.get("construct")
        asked = (construct(calls, rollout, span, kind, model) for span, kind in wanted)
        made = await _gathered(map(_or_failure, asked))
        pairs: list[tuple[Span, Pair]] = []
        failed: Counter[str] = Counter()
        whole = original(rollout) if plan.originals and plan.road != "explore" else None
        if whole is not None:
            pairs.append((Span(0, len(rollout.actions)), whole))
        for (span, _), pair in zip(wanted, made, strict=True):
            if isinstance(pair, CallFailed):
                failed[f"construction: {pair.kind}"] += 1
            else:
                pairs.append((span, pair))
        verdicts = await self._workshop.judge.verdicts(rollout, pairs) if pairs else []
        judged = [(pair, verdict) for (_, pair), verdict in zip(pairs, verdicts, strict=True)]
        return _Found(len(drawn), judged, failed)

    def _keep(self, found: _Found, known: NearDuplicates | None, accept: Accept, summary: Summary) -> None:
        summary.spans += found.spans
        summary.examples += len(found.judged)
        summary.failed += found.failed
        kept: list[Trajectory] = []
        rejected: list[Rejected] = []
        for pair, verdict in found.judged:
            if not verdict.accepted:
                rejected.append(Rejected("committee", pair=to_fields(pair), verdict=verdict.to_fields()))
            elif known is not None and _repeats(known, pair):
                rejected.append(Rejected("near-duplicate", pair=to_fields(pair)))
            else:
                kept.append(pair)
        for one in kept:
            summary.by_construction[str((one.source or {})["construction"])] += 1
            summary.by_length[str((one.metadata or {})["length"])] += 1
        summary.kept += len(kept)
        self._reject(rejected, summary)
        if kept:
            accept(kept)

    def _reject(self, rejected: Sequence[Rejected], summary: Summary) -> None:
        summary.rejected.update(one.reason for one in rejected)
        if rejected:
            self._rejected.append(rejected)


@dataclass(frozen=True)
class _Found:
    spans: int
    judged: Sequence[tuple[Pair, Verdict]]
    failed: Counter[str]


def _repeats(known: NearDuplicates, pair: Pair) -> bool:
    """Whether an earlier pair of the same construction did the same and says nearly the same."""
    among = f"{(pair.source or {})['construction']}\n{course(pair)}"
    return known.add(pair.id, trajectory_key(pair), among) is not None


async def _gathered(asked: Iterable[Awaitable[T]]) -> list[T]:
    """All results, once everything has ended; then the first error, if there was one."""
    tasks = [asyncio.ensure_future(one) for one in asked]
    await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]


async def _or_failure(asked: Awaitable[T]) -> T | CallFailed:
    try:
        return await asked
    except CallFailed as failure:
        return failure


def _digest(*texts: str) -> str:
    return blake2b("\n".join(texts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
