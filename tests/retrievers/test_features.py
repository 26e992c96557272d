"""What the ranker is told of each piece of advice, and that a task left out is as if it had never been."""

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
from retrievers.alignment import Aligned
from retrievers.context import Context
from retrievers.features import (
    FEATURES,
    MEAN,
    MOST,
    OF_CANDIDATES,
    UNKNOWN,
    Advised,
    LeftOut,
    Proposals,
    column,
    features,
)
from retrievers.model_channel import Degraded
from retrievers.moments import WORDS, learn_moments
from retrievers.policy import POLICY
from retrievers.query_writers.template import template_query
from retrievers.recall import considered
from retrievers.requests import Limits, Request
from retrievers.situation import Query, Situation
from tests.retrievers.families import Bench, errands
from tests.support.collections import trajectories, trajectory

COUNTED = (
    "frequency", "after_last", "after_two", "after_seen", "after_both", "after_focus", "after_focus_last",
    "seen_by",
)  # fmt: skip
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
    found = features(context, nobody, first_steps(whole, ids), left_out)
    truth = features(context_of(bench, rest, situation), nobody, first_steps(rest, ids))
    assert found.advice.tolist() == truth.advice.tolist()
    assert found.choice.tolist() == truth.choice.tolist()
    for name in COUNTED:
        assert found.matrix[:, column(name)].tolist() == truth.matrix[:, column(name)].tolist(), name
    expected = likely(context, found.advice, left_out)
    assert found.matrix[:, column("after_like")] == pytest.approx(expected)


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
    found = proposed(bench, snapshot, situation)
    matrix = found.matrix
    assert matrix.shape == (len(found.advice), len(FEATURES))
    assert len(found.advice)
    assert np.isfinite(matrix).all()
    assert matrix[:, column("votes")].sum() == pytest.approx(1.0)
    assert (matrix[:, column("voters")] <= np.bincount(found.choice)).all()
    for name in OF_CANDIDATES:
        assert (matrix[:, column(name + MOST)] >= matrix[:, column(name + MEAN)] - 1e-9).all(), name


def proposed(bench: Bench, snapshot: Snapshot, situation: Situation) -> Advised:
    """The features of what the channels propose."""
    context = context_of(bench, snapshot, situation)
    proposals = propose(context, Limits(), Degraded())[0]
    return features(context, proposals, considered(context, proposals.trajectories))


@pytest.mark.parametrize("final", [None, "done"])
def test_one_candidate_agrees_with_itself(bench: Bench, final: str | None) -> None:
    snapshot = bench.snapshot([trajectory("a", final_observation=final)])
    told = known(proposed(bench, snapshot, Situation("Find it", (), "o")))
    assert (told["votes"], told["choices"], told["after_seen"]) == (1.0, 1.0, 1.0)
    for end in (MOST, MEAN):
        assert (told["same" + end], told["place" + end], told["fit_behind" + end]) == (1.0, 0.0, 0.0)
        assert (told["left" + end], told["length" + end]) == (1.0, 1.0)


def known(found: Advised) -> dict[str, float]:
    """What is known of the first piece of advice."""
    return dict(zip(FEATURES, found.matrix[0].tolist(), strict=True))


def by_advice(bench: Bench, snapshot: Snapshot, situation: Situation, name: str) -> dict[str, float]:
    """What a column says of each piece of advice, by its slots."""
    found, moments = proposed(bench, snapshot, situation), context_of(bench, snapshot, situation).moments
    return {
        moments.text(key): row[column(name)]
        for key, row in zip(found.advice.tolist(), found.matrix.tolist(), strict=True)
    }


def test_of_those_who_advise_the_same_the_most_and_the_mean_are_known(bench: Bench) -> None:
    records = [trajectory(f"t{n}", "Find it", [("o", "x")] * n) for n in (1, 2, 6)]
    told = known(proposed(bench, bench.snapshot(records), Situation("Find it", (), "o")))
    of_steps = [1, 2, 6, 2, 6]  # two steps of each trajectory are considered, where it has as many
    assert (told["voters"], told["length_most"]) == (3.0, 6.0)
    assert told["length_mean"] == pytest.approx(np.mean(of_steps))


def test_what_is_done_where_the_tasks_words_stand_alike_is_known(bench: Bench) -> None:
    """Colours, numbers and the rest of the room differ; that the thing is ahead or aside is what counts."""
    records = [
        trajectory(f"{thing} {where}", f"go to the {thing}", [(f"- a {thing} {n} steps {where}", do)])
        for n, thing in enumerate(["red ball", "blue box", "grey key", "green door"])
        for where, do in [("ahead", "forward"), ("aside", "turn")]
    ]
    snapshot = bench.snapshot(records, learned=bench.learned(records))
    situation = Situation("go to the purple lamp", (), "- a wall 1 step aside\n- a purple lamp 7 steps ahead")
    after = by_advice(bench, snapshot, situation, "after_focus")
    assert after == {"forward": 1.0, "turn": 0.0}


def test_what_never_occurred_is_unknown_and_not_never(bench: Bench) -> None:
    snapshot = bench.snapshot([trajectory("a", steps=[("o", "x"), ("p", "y")])])
    told = known(proposed(bench, snapshot, Situation("Light a lamp", (Step("o", "elsewhere"),), "a lamp")))
    assert [told[name] for name in FEATURES if name.startswith("after_")] == [UNKNOWN] * 7


def test_a_repeated_action_is_told(bench: Bench) -> None:
    snapshot = bench.snapshot([trajectory("a", steps=[("o", "wait"), ("p", "wait"), ("q", "go")])])
    history = (Step("o", "wait"), Step("o", "wait"))
    told = known(proposed(bench, snapshot, Situation("Find it", history, "p")))
    assert (told["again"], told["done"], told["here"]) == (1.0, 2.0, 2.0)


def test_what_an_advice_names_is_looked_for_in_one_line(bench: Bench) -> None:
    """Everyday words of the advice that stand together, and a word of the instruction beside them."""
    records = [
        trajectory(f"t{n}", "Find it", [("page", f"click button save {kind}"), ("page", "stop")])
        for n, kind in enumerate(["green", "blue"] * 5)
    ]
    snapshot = bench.snapshot(records, learned=bench.learned(records))
    situation = Situation("Open the settings", (), "button save blue settings\nlink green\nbutton")
    sight = by_advice(bench, snapshot, situation, "in_sight")
    assert sight["click button save blue"] == 1.0
    assert sight["click button save green"] == pytest.approx(2 / 3)


def test_order_and_cut_of_a_collection_change_no_number(bench: Bench) -> None:
    records = errands(60)
    learned = bench.learned(records)
    situation = Situation("Bring a mug from the desk to errand 9", (), HALL)
    whole = proposed(bench, bench.snapshot(records, learned=learned), situation)
    again = proposed(bench, bench.snapshot(records[::-1], learned=learned), situation)
    assert np.array_equal(whole.matrix, again.matrix)
    cut = bench.snapshot(
        records[:20], records[20:], learned={name: learned[name] for name in (WORDS, POLICY)}
    )
    parts = proposed(bench, cut, situation)
    assert parts.advice.tolist() == whole.advice.tolist()
    assert parts.matrix == pytest.approx(whole.matrix)
