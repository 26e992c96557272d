"""A policy tells what one would do next, and whoever asks about a task asks one that never saw it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexing.records import Trajectory
from indexing.snapshot import Snapshot
from retrievers import cloning, learning
from retrievers.cloning import FOLDS, Cloned, clone
from retrievers.context import Context
from retrievers.focus import task_words
from retrievers.moments import WORDS, learn_moments, moments_of
from retrievers.policy import UNLISTED, Expected, Policy, Vocabulary
from retrievers.policy_inputs import groups, inputs, unnamed
from retrievers.recall import recalled
from retrievers.requests import Request
from retrievers.situation import Situation
from retrievers.slots import plain
from tests.retrievers.families import Bench, answered, errand, errands, listed
from tests.support.collections import trajectory


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("vectors"))


def unwatched() -> None:
    """Progress that nobody watches."""


def cloned(snapshot: Snapshot) -> Cloned:
    found = clone(snapshot, learning._kin(snapshot, learning._rollouts(snapshot)), unwatched)
    assert found is not None
    return found


def context_of(
    bench: Bench, snapshot: Snapshot, record: Trajectory, at: int, policy: Policy | None
) -> Context:
    situation = Situation(record.instruction, record.steps[:at], record.steps[at].observation)
    return Context(
        snapshot, bench.lane, Request(situation), snapshot.trajectories.alive.copy(), lambda _: policy
    )


def test_what_decides_in_the_observation_is_learned(bench: Bench) -> None:
    """Which way to go is told by the lamp, whatever the errand, the note and the thing to bring."""
    records = errands(150)
    snapshot = bench.snapshot(records, learned={WORDS: learn_moments(bench.segment(records))[WORDS]})
    policy = cloned(snapshot).mean
    moments = moments_of(snapshot)
    for number in range(1_000, 1_020):
        context = context_of(bench, snapshot, errand(number), 0, policy)
        likeliest = context.expected.likeliest(1)[0]
        assert moments.text(likeliest) == errand(number).steps[0].action
        assert context.expected.chance.sum() == pytest.approx(1.0)


def test_how_much_of_the_task_is_left_is_learned(bench: Bench) -> None:
    """A list is long or short, and is sent off when nothing that it names is left to choose."""
    snapshot = bench.snapshot([listed(number) for number in range(1_500)])
    policy, moments = cloned(snapshot).mean, moments_of(snapshot)
    wrong = asked = 0
    for record in map(listed, range(10_000, 10_060)):
        for at, step in enumerate(record.steps):
            likeliest = context_of(bench, snapshot, record, at, policy).expected.likeliest(1)[0]
            wrong += moments.text(likeliest).split()[0] != step.action.split()[0]
            asked += 1
    assert wrong <= asked / 8  # a quarter, where it is told only how many there were and which


def test_an_answer_means_what_was_asked(bench: Bench) -> None:
    """Yes and no both go ahead or stop: it hangs on what the agent said before."""
    snapshot = bench.snapshot([answered(number) for number in range(600)])
    policy, moments = cloned(snapshot).mean, moments_of(snapshot)
    for record in map(answered, range(1_000, 1_020)):
        likeliest = context_of(bench, snapshot, record, 1, policy).expected.likeliest(1)[0]
        assert moments.text(likeliest) == record.steps[1].action


def test_no_policy_sees_what_it_is_asked_about(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [replace(one, source={"rollout": f"r{n // 2}"}) for n, one in enumerate(errands(120))]
    snapshot = bench.snapshot(records)
    fitted, seen = cloning._fitted, list[int]()

    def watching(table: Any, right: NDArray[np.int64], made_of: Any, progress: Any) -> Any:
        seen.append(len(right))
        return fitted(table, right, made_of, progress)

    monkeypatch.setattr(cloning, "_fitted", watching)
    found = cloned(snapshot)
    sizes = np.bincount(found.fold, minlength=FOLDS) * 3
    assert seen == [3 * len(records) - size for size in sizes.tolist()]
    assert min(sizes) > 0
    known = [snapshot.trajectory(number) for number in range(snapshot.size)]
    for one in range(len(known)):
        for other in range(one):
            if known[one].instruction == known[other].instruction or known[one].source == known[other].source:
                assert found.fold[one] == found.fold[other]


def test_a_policy_is_the_same_when_it_is_read_again(bench: Bench) -> None:
    snapshot = bench.snapshot(errands(60))
    policy = cloned(snapshot).mean
    again = Policy.from_bytes(policy.to_bytes())
    assert again.to_bytes() == policy.to_bytes()
    for at in range(3):
        one, other = (context_of(bench, snapshot, errand(7), at, which).expected for which in (policy, again))
        assert one.likeliest(3) == other.likeliest(3)
        assert one.chance == pytest.approx(other.chance, abs=1e-3)


@pytest.mark.parametrize(
    "records",
    [
        [trajectory(f"t{n}", f"Task {n % 2}") for n in range(9)],
        [trajectory(f"t{n}", f"Task {n}", [("o", f"a{n}")]) for n in range(9)],
    ],
    ids=["two tasks", "nothing twice"],
)
def test_where_nothing_can_be_cloned_there_is_no_policy(bench: Bench, records: list[Trajectory]) -> None:
    snapshot = bench.snapshot(records)
    assert clone(snapshot, learning._kin(snapshot, learning._rollouts(snapshot)), unwatched) is None


# What is expected


def test_an_advice_that_a_policy_does_not_know_has_no_chance_and_a_late_rank() -> None:
    expected = Expected(np.array([3, 5, 9], np.uint64), np.array([0.2, 0.5, 0.3]))
    chance, rank = expected.of(np.array([9, 4, 5, 10], np.uint64))
    assert chance.tolist() == [0.3, 0.0, 0.5, 0.0]
    assert rank.tolist() == [1, UNLISTED, 0, UNLISTED]
    assert expected.likeliest(2) == [5, 9]


# What a policy is told

TEXTS = st.text(max_size=60)


@given(TEXTS, TEXTS, st.lists(st.integers(0, 2**64 - 1), max_size=15), st.integers(0, 30), TEXTS)
def test_names_are_distinct_and_each_group_weighs_the_same(
    instruction: str, observation: str, advice: list[int], place: int, action: str
) -> None:
    told = plain(instruction)
    names = inputs(told, task_words(told), observation, advice, place, action, len(task_words(told)))
    assert (np.diff(names.astype(object)) > 0).all()
    vocabulary = Vocabulary(names, np.linspace(1, 2, len(names), dtype=np.float32))
    places, weights = vocabulary.row(names)
    assert places.tolist() == list(range(len(names)))
    lengths = np.bincount(groups(names), weights.astype(np.float64) ** 2)
    assert lengths[np.unique(groups(names))] == pytest.approx(1.0, abs=1e-3)


def test_a_name_means_the_same_in_another_task() -> None:
    def told(thing: str, number: int) -> set[int]:
        instruction = plain(f"find the {thing}")
        seen = f"room {number}\na {thing} on the table"
        return set(inputs(instruction, task_words(instruction), seen, [7], 1, "look", 1).tolist())

    one, other, none = told("mug", 3), told("pen", 8), told("mug", 3) - told("pen", 8)
    assert len(one & other) > len(none)


WORDS_TOLD = st.frozensets(st.sampled_from("abcdefgh"))


@given(WORDS_TOLD, st.lists(st.text("abcdefgh ", max_size=8), max_size=6))
def test_unnamed_words_are_those_that_no_action_so_far_holds(
    words: frozenset[str], actions: list[str]
) -> None:
    for at, left in enumerate(unnamed(words, actions)):
        assert left == len(words - {word for action in actions[:at] for word in action.split()})


# What is recalled


def test_what_the_agent_did_is_recalled_from_whoever_is_free_and_in_scope(bench: Bench) -> None:
    records = [
        trajectory("a", "Find it", [("o", "open door"), ("p", "go in")]),
        trajectory("b", "Find it", [("q", "wave")]),
        trajectory("c", "Find that", [("r", "wave")]),
        trajectory("d", "Find that", [("s", "wave")]),
    ]
    snapshot = bench.snapshot(records[:2], records[2:])
    done = trajectory("x", "Find that", [("s", "wave"), ("s", "open door"), ("s", "?")])
    context = context_of(bench, snapshot, done, 2, None)
    free = np.empty(0, np.int64)

    def owners(given: set[int], taken: NDArray[np.int64]) -> list[str]:
        positions = recalled(context, given, taken)
        return [snapshot.trajectories.id(int(n)) for n in snapshot.owners(positions)]

    opened, waved = context.advice
    assert owners(set(), free) == ["a", "d"]
    assert owners({waved}, free) == ["a"]
    assert owners(set(), np.array([snapshot.trajectories.number("d")])) == ["a", "c"]
    context.scope[snapshot.trajectories.number("c")] = False
    assert owners({opened}, np.array([snapshot.trajectories.number("d")])) == ["b"]
