"""What each strategy answers, side by side, with what a person wants to know of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from indexing.errors import DeadlineExceeded
from retrievers.strategies import STRATEGIES
from service.pages.difference import Block, Comparer
from service.problems import NotReady
from service.retrieval import answer, write_queries
from service.schemas import RetrieveIn
from service.state import Service


@dataclass(frozen=True, slots=True)
class Shown:
    """A demonstration with its matched step, and how that step's observation differs from the present one."""

    told: Mapping[str, Any]
    matched: Mapping[str, Any] | None
    blocks: list[Block] | None
    agrees: bool
    """Whether it did next what the stored episode did."""

    @property
    def others(self) -> list[Mapping[str, Any]]:
        """The steps that are shown around the matched one."""
        return [step for step in self.told["steps"] if step is not self.matched]


@dataclass(frozen=True, slots=True)
class Column:
    """One strategy's answer, or why there is none."""

    strategy: str
    answer: Mapping[str, Any] | None
    problem: str | None
    shown: tuple[Shown, ...] = ()

    @property
    def shows_whole(self) -> bool:
        """Whether it shows no windows of trajectories that are too long."""
        return not STRATEGIES[self.strategy].windowed and not STRATEGIES[self.strategy].documents

    @property
    def advice(self) -> list[tuple[str, int]]:
        """The next actions that are proposed, in order, and by how many."""
        found: dict[str, int] = {}
        for one in self.shown:
            action = one.told["next_action"]
            if action is not None:
                found[action] = found.get(action, 0) + 1
        return list(found.items())

    @property
    def agreeing(self) -> int | None:
        """The rank of the first that did what the stored episode did."""
        return next((one.told["rank"] for one in self.shown if one.agrees), None)


async def answers(service: Service, asked: Sequence[RetrieveIn]) -> list[Column]:
    """One strategy after the other, as an agent would ask each; raises what befell all of them."""
    if not service.readiness.loaded:
        raise NotReady("the collections are being loaded; try again in a second")
    found: list[Column] = []
    for one in asked:
        try:
            found.append(Column(one.strategy, await _answer(service, one), None))
        except DeadlineExceeded as error:
            if len(asked) == 1:
                raise
            found.append(Column(one.strategy, None, str(error)))
    return found


async def _answer(service: Service, asked: RetrieveIn) -> dict[str, Any]:
    """What an agent would get."""
    arrived = time.monotonic()
    deadline = arrived + asked.deadline_ms / 1e3
    written = await write_queries(service.writer, asked, deadline)
    found = await service.searching.run(partial(answer, service.library, asked, written, deadline), deadline)
    found["timings_ms"]["total"] = round((time.monotonic() - arrived) * 1e3, 3)
    return found


def explained(columns: Sequence[Column], observation: str | None, action: str | None) -> list[Column]:
    """The columns with each demonstration set beside the present observation; takes up to a second or two."""
    comparer = Comparer(observation) if observation is not None else None
    return [
        column
        if column.answer is None
        else Column(
            column.strategy,
            column.answer,
            None,
            tuple(_shown(one, comparer, action) for one in column.answer["demonstrations"]),
        )
        for column in columns
    ]


def _shown(told: Mapping[str, Any], comparer: Comparer | None, action: str | None) -> Shown:
    match = told["match"]
    matched = next((step for step in told["steps"] if step["index"] == match["step"]), None)
    blocks = None
    if matched is not None and comparer is not None and match["kind"] != "exact":
        blocks = comparer.blocks(matched["observation"])
    agrees = action is not None and told["next_action"] == action
    return Shown(told, matched, blocks, agrees)
