"""The step that fits best, found as slowly as can be; and variety among those that are shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.records import Step, Trajectory
from indexing.snapshot import Snapshot
from retrievers.agentic import agentic
from retrievers.alignment import ADVICE, AGREE, LIKE, PLACE, SAME, align, aligned
from retrievers.context import Context
from retrievers.model_channel import Degraded
from retrievers.query_writers.template import template_query
from retrievers.requests import Candidate, Limits, Request
from retrievers.situation import Query, Situation
from tests.retrievers.families import Bench
from tests.support.collections import INSTRUCTIONS, OBSERVATIONS, STEPS, trajectories, trajectory

RECORDS = st.lists(trajectories(), min_size=1, max_size=6, unique_by=lambda one: one.id)
SITUATIONS = st.builds(
    Situation, st.none() | INSTRUCTIONS, st.lists(STEPS, max_size=4).map(tuple), st.none() | OBSERVATIONS
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("vectors"))


def context_of(bench: Bench, snapshot: Snapshot, situation: Situation, *queries: str) -> Context:
    asked = tuple(Query(text, "agent") for text in queries) or (Query(template_query(situation), "template"),)
    return Context(snapshot, bench.lane, Request(situation, queries=asked), snapshot.trajectories.alive)


def best(context: Context, number: int) -> int:
    """The position of a trajectory that fits best, each looked at by itself."""
    snapshot = context.snapshot
    here = len(context.request.situation.history)
    last = [*context.advice, 0, 0, 0]
    found: list[tuple[float, int]] = []
    steps = len(snapshot.trajectory(number).steps)
    for index, position in enumerate(snapshot.positions_of(np.array([number])).tolist()):
        at = np.array([position])
        facts = snapshot.positions(at)
        fit = SAME * float(context.same(facts)[1][0]) + LIKE * float(context.likeness(at)[0])
        fit += AGREE * float(context.agreement(facts)[0]) + PLACE / (1 + abs(index - here))
        before = [int(keys[0]) for keys in context.moments.before(at)]
        for back, worth in enumerate(ADVICE[: max(here, 1)]):
            if before[: back + 1] == last[: back + 1]:
                fit += worth
        found.append((-1.0 if index == steps else round(fit, 9), -position))
    return -max(found)[1]


@settings(max_examples=60)
@given(RECORDS, SITUATIONS, st.data())
def test_the_first_of_the_best_steps_is_found(
    bench: Bench, records: list[Trajectory], situation: Situation, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(records)))
    snapshot = bench.snapshot(records[:cut], records[cut:])
    context = context_of(bench, snapshot, situation)
    numbers = data.draw(st.permutations(range(len(records))))
    found = align(context, np.array(numbers, np.int64))
    assert found.owners.tolist() == numbers
    assert found.positions.tolist() == [best(context, number) for number in numbers]
    ended = [
        index == len(snapshot.trajectory(n).steps) for n, index in zip(numbers, found.index, strict=True)
    ]
    assert not any(ended)
    one_by_one = [align(context, np.array([number])).scores[0] for number in numbers]
    assert found.scores.tolist() == one_by_one


def test_nothing_is_aligned_to_nothing(bench: Bench) -> None:
    context = context_of(bench, bench.snapshot([trajectory("a")]), Situation("Find it"))
    assert len(align(context, np.empty(0, np.int64)).positions) == 0
    assert aligned(context, []) == []
    (only,) = aligned(context, [Candidate(0, None, "model", "dense", 0.5)])
    assert only == Candidate(0, 0, "model", "dense", 0.5)


def test_what_the_last_actions_advised_tells_equal_pages_apart(bench: Bench) -> None:
    """Other values, the same advice: no action is equal, and the page is the same three times."""
    one = trajectory(
        "a",
        "Add ann and bob",
        [("form", "type [1] ann"), ("form", "press enter"), ("form", "type [1] bob"), ("form", "send now")],
    )
    history = (Step("form", "type [7] eve"), Step("form", "press enter"))
    for done, index in ((history[:1], 1), (history, 2)):
        context = context_of(bench, bench.snapshot([one]), Situation("Add eve and joe", done, "form"))
        assert align(context, np.array([0])).index.tolist() == [index]


# Variety


def shown(bench: Bench, records: list[Trajectory], situation: Situation, limits: Limits) -> list[str]:
    snapshot = bench.snapshot(records)
    found = agentic(context_of(bench, snapshot, situation), limits, Degraded())
    return [snapshot.trajectory(one.trajectory).steps[0].action for one in found]


def test_every_advice_is_shown_once_before_one_is_shown_twice(bench: Bench) -> None:
    records = [
        trajectory(f"{n:03}", f"Find thing {n}", [("A page", ("open", "close", "leave")[min(n % 9, 2)])])
        for n in range(60)
    ]
    actions = shown(bench, records, Situation("Find thing 11", (), "A page"), Limits(total=6))
    assert sorted(actions[:3]) == sorted(actions[3:]) == ["close", "leave", "open"]


@settings(max_examples=40)
@given(RECORDS, SITUATIONS, st.integers(0, 3), st.integers(0, 3), st.integers(0, 4))
def test_each_channel_gives_what_it_may_and_nobody_is_shown_twice(
    bench: Bench, records: list[Trajectory], situation: Situation, seen: int, meant: int, total: int
) -> None:
    snapshot = bench.snapshot(records)
    limits = Limits(seen, meant, total)
    found = agentic(context_of(bench, snapshot, situation), limits, Degraded())
    channels = [one.channel for one in found]
    assert len(found) <= total
    assert channels.count("observation") <= seen
    assert channels.count("model") <= meant
    assert len({one.trajectory for one in found}) == len(found)
    assert {snapshot.owners(np.array([one.position]))[0] for one in found} == {
        one.trajectory for one in found
    }


def test_a_template_costs_no_embedding_and_a_written_query_does(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = bench.lane.query

    def query(text: str, deadline: float | None = None) -> object:
        asked.append(text)
        return real(text, deadline)

    monkeypatch.setattr(bench.lane, "query", query)
    snapshot, situation = bench.snapshot([trajectory("a")]), Situation("Find it", (), "o")
    agentic(context_of(bench, snapshot, situation), Limits(), Degraded())
    assert set(asked) == {"Find it"}
    agentic(context_of(bench, snapshot, situation, "written"), Limits(), Degraded())
    assert set(asked) == {"Find it", "written"}
