"""What the ranker is told of each candidate, and that a task left out is as if it had never been."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexing.analysis import NO_ACTION
from indexing.engine import Mask
from indexing.records import Step, Trajectory
from indexing.snapshot import Snapshot
from retrievers.agentic import propose
from retrievers.alignment import Aligned, align
from retrievers.context import Context
from retrievers.features import FEATURES, UNKNOWN, LeftOut, Proposals, column, features
from retrievers.model_channel import Degraded
from retrievers.moments import WORDS, learn_moments
from retrievers.query_writers.template import template_query
from retrievers.requests import Limits, Request
from retrievers.situation import Query, Situation
from tests.retrievers.families import Bench, errands
from tests.support.collections import trajectories, trajectory

COUNTED = ("frequency", "after_last", "after_two", "after_seen", "after_both", "seen_by")
"""Columns that count moments of the whole collection."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("vectors"))


def context_of(bench: Bench, snapshot: Snapshot, situation: Situation, scope: Mask | None = None) -> Context:
    request = Request(situation, queries=(Query(template_query(situation), "template"),))
    return Context(snapshot, bench.lane, request, snapshot.trajectories.alive if scope is None else scope)


def first_steps(snapshot: Snapshot, ids: Sequence[str]) -> Aligned:
    """Every trajectory at its first step, nothing known of how well it fits."""
    owners = np.array([snapshot.trajectories.number(id) for id in ids], np.int64)
    positions = np.array([snapshot.first_position(owner) for owner in owners.tolist()], np.int64)
    none, never = np.zeros(len(ids)), np.zeros(len(ids), bool)
    zeros = np.zeros(len(ids), np.int64)
    return Aligned(positions, owners, zeros, none, never, none, (never, never, never), never)


RECORDS = st.lists(trajectories(), min_size=2, max_size=8, unique_by=lambda one: one.id).filter(
    lambda records: len({one.instruction for one in records}) > 1
)


@settings(max_examples=60)
@given(RECORDS, st.data())
def test_a_task_that_is_left_out_counts_as_if_it_had_never_been(
    bench: Bench, records: list[Trajectory], data: st.DataObject
) -> None:
    asked = data.draw(st.sampled_from(records))
    place = data.draw(st.integers(0, len(asked.steps) - 1))
    situation = Situation(asked.instruction, asked.steps[:place], asked.steps[place].observation)
    others = [one for one in records if one.instruction != asked.instruction]
    words = {WORDS: learn_moments(bench.segment(records))[WORDS]}
    whole, rest = bench.snapshot(records, learned=words), bench.snapshot(others, learned=words)
    same_task = np.array([whole.trajectories.number(one.id) for one in records if one not in others])
    scope = whole.trajectories.alive.copy()
    scope[same_task] = False
    ids = [one.id for one in others]
    nobody = Proposals((), (), (), ())
    context = context_of(bench, whole, situation, scope)
    left_out = LeftOut(whole.positions_of(same_task))
    matrix, advice = features(context, nobody, first_steps(whole, ids), left_out)
    truth, same = features(context_of(bench, rest, situation), nobody, first_steps(rest, ids))
    assert advice.tolist() == same.tolist()
    for name in COUNTED:
        assert matrix[:, column(name)].tolist() == truth[:, column(name)].tolist(), name
    expected = likely(context, advice, left_out)
    assert matrix[:, column("after_like")] == pytest.approx(expected)


def likely(context: Context, advice: NDArray[np.uint64], left_out: LeftOut) -> list[float]:
    """The share of each advice after the same two actions, moment by moment."""
    moments, snapshot = context.moments, context.snapshot
    weights: dict[int, float] = {}
    for position in range(int(snapshot.position_starts[-1])):
        at = np.array([position])
        here = int(moments.advice(at)[0])
        after = int(moments.contexts(at)[1][0]) == context.moment[1]
        if after and here != NO_ACTION and position not in left_out.positions:
            weights[here] = weights.get(here, 0.0) + float(np.exp(4 * context.likeness(at)[0]))
    total = sum(weights.values())
    return [weights.get(key, 0.0) / total if total else UNKNOWN for key in advice.tolist()]


# Odd situations


HALL = "A hall with a green lamp. Note 3. Doors lead everywhere."
LONG = tuple(Step(f"You see a desk and a mug {n}.", f"take mug {n} from desk") for n in range(60))


@pytest.mark.parametrize(
    "situation",
    [
        Situation("Bring a mug from the desk"),
        Situation(None, (), HALL),
        Situation(None, (), ""),
        Situation("", (), ""),
        Situation("!", (), "?"),
        Situation("Bring a mug", LONG, HALL),
        Situation("Bring a mug", (Step("", ""),), ""),
        Situation("Bring a mug", (), "x y z\n" * 3_000),
        Situation("none of these words", (Step("nor", "these"),), "nor those"),
    ],
    ids=repr,
)
def test_every_number_is_finite(bench: Bench, situation: Situation) -> None:
    records = errands(60)
    snapshot = bench.snapshot(records[:50], records[50:], learned=bench.learned(records[:50]))
    matrix, advice = proposed(bench, snapshot, situation)
    assert matrix.shape == (len(advice), len(FEATURES))
    assert len(advice)
    assert np.isfinite(matrix).all()
    every = range(len(advice))
    assert sum({advice[n]: matrix[n, column("votes")] for n in every}.values()) == pytest.approx(1.0)
    assert [int(number) for number in matrix[:, column("voters")]] == [
        advice.tolist().count(key) for key in advice.tolist()
    ]


def proposed(
    bench: Bench, snapshot: Snapshot, situation: Situation
) -> tuple[NDArray[np.float64], NDArray[np.uint64]]:
    """The features of what the channels propose."""
    context = context_of(bench, snapshot, situation)
    proposals = propose(context, Limits(), Degraded())[0]
    return features(context, proposals, align(context, proposals.trajectories))


@pytest.mark.parametrize("final", [None, "done"])
def test_one_candidate_agrees_with_itself(bench: Bench, final: str | None) -> None:
    snapshot = bench.snapshot([trajectory("a", final_observation=final)])
    matrix, _ = proposed(bench, snapshot, Situation("Find it", (), "o"))
    told = dict(zip(FEATURES, matrix[0].tolist(), strict=True))
    assert np.isfinite(matrix).all()
    assert (told["same"], told["votes"], told["choices"], told["after_seen"]) == (1.0, 1.0, 1.0, 1.0)
    assert (told["place"], told["left"], told["length"], told["fit_behind"]) == (0.0, 1.0, 1.0, 0.0)


def test_what_never_occurred_is_unknown_and_not_never(bench: Bench) -> None:
    snapshot = bench.snapshot([trajectory("a", steps=[("o", "x"), ("p", "y")])])
    matrix, _ = proposed(bench, snapshot, Situation("Find it", (Step("o", "elsewhere"),), "new"))
    told = dict(zip(FEATURES, matrix[0].tolist(), strict=True))
    assert [told[name] for name in FEATURES if name.startswith("after_")] == [UNKNOWN] * 5


def test_a_repeated_action_is_told(bench: Bench) -> None:
    snapshot = bench.snapshot([trajectory("a", steps=[("o", "wait"), ("p", "wait"), ("q", "go")])])
    history = (Step("o", "wait"), Step("o", "wait"))
    matrix, _ = proposed(bench, snapshot, Situation("Find it", history, "p"))
    told = dict(zip(FEATURES, matrix[0].tolist(), strict=True))
    assert (told["again"], told["done"], told["here"]) == (1.0, 2.0, 2.0)


def test_what_an_advice_names_is_looked_for_in_one_line(bench: Bench) -> None:
    """Everyday words of the advice that stand together, and a word of the instruction beside them."""
    records = [
        trajectory(f"t{n}", "Find it", [("page", f"click button save {kind}"), ("page", "stop")])
        for n, kind in enumerate(["green", "blue"] * 5)
    ]
    snapshot = bench.snapshot(records, learned=bench.learned(records))
    situation = Situation("Open the settings", (), "button save blue settings\nlink green\nbutton")
    matrix, advice = proposed(bench, snapshot, situation)
    moments = context_of(bench, snapshot, situation).moments
    sight = {moments.text(key): float(matrix[n, column("in_sight")]) for n, key in enumerate(advice.tolist())}
    assert sight["click button save blue"] == 1.0
    assert sight["click button save green"] == pytest.approx(2 / 3)


def test_order_and_cut_of_a_collection_change_no_number(bench: Bench) -> None:
    records = errands(60)
    learned = bench.learned(records)
    situation = Situation("Bring a mug from the desk to errand 9", (), HALL)
    whole, _ = proposed(bench, bench.snapshot(records, learned=learned), situation)
    again, _ = proposed(bench, bench.snapshot(records[::-1], learned=learned), situation)
    assert np.array_equal(whole, again)
    cut = bench.snapshot(records[:20], records[20:], learned={WORDS: learned[WORDS]})
    parts, _ = proposed(bench, cut, situation)
    order = np.argsort(
        cut.trajectories.rank[
            propose(context_of(bench, cut, situation), Limits(), Degraded())[0].trajectories
        ]
    )
    assert parts[order] == pytest.approx(whole)
