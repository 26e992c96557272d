"""What was advised at every moment, counted as slowly as can be beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexing.analysis import NO_ACTION, fingerprint
from indexing.records import Trajectory
from indexing.snapshot import Snapshot
from retrievers.focus import focus, task_words
from retrievers.moments import (
    ADVICE,
    BEFORE,
    WORDS,
    MomentsOf,
    context_keys,
    everyday_of,
    learn_moments,
    mixed,
    moments_of,
)
from retrievers.named import hashed
from retrievers.slots import plain, slots
from tests.retrievers.families import Bench, errands
from tests.support.collections import trajectories

RECORDS = st.lists(trajectories(), min_size=1, max_size=8, unique_by=lambda one: one.id)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("vectors"))


def advised(records: Sequence[Trajectory], everyday: frozenset[str]) -> dict[str, list[int]]:
    """The advice at each position by id, read from the records."""
    found: dict[str, list[int]] = {}
    for record in records:
        told = plain(record.instruction)
        seen = [plain(step.observation) for step in record.steps]
        found[record.id] = [
            fingerprint(slots(step.action, told, seen[: place + 1], everyday))
            for place, step in enumerate(record.steps)
        ] + [NO_ACTION] * (record.final_observation is not None)
    return found


def by_id(snapshot: Snapshot) -> dict[str, list[int]]:
    moments = moments_of(snapshot)
    return {
        snapshot.trajectories.id(number): moments.advice(snapshot.positions_of(np.array([number]))).tolist()
        for number in range(snapshot.size)
    }


def observed(snapshot: Snapshot, record: Trajectory) -> list[int]:
    """The fingerprint of each of a record's observations, as the index has it."""
    number = snapshot.trajectories.number(record.id)
    assert number is not None
    keys: list[int] = snapshot.positions(snapshot.positions_of(np.array([number]))).normalized.tolist()
    return keys


def contexts(snapshot: Snapshot, records: Sequence[Trajectory]) -> list[tuple[tuple[int, ...], int]]:
    """Every moment at which something was done: its contexts by kind, and the advice that followed."""
    found = []
    read = advised(records, everyday_of(snapshot))
    for record in records:
        advice = read[record.id]
        seen = observed(snapshot, record)
        words = task_words(plain(record.instruction))
        for place in range(len(record.steps)):
            last, second = [0, 0, *advice[:place]][::-1][:2]
            stands = fingerprint(focus(words, record.steps[place].observation))
            known = (last, second, seen[place], stands)
            keys = context_keys(*(np.array([key], np.uint64) for key in known))
            found.append((tuple(int(key[0]) for key in keys), advice[place]))
    return found


@settings(max_examples=25)
@given(RECORDS, st.data())
def test_one_segment_and_several_know_the_same(
    bench: Bench, records: list[Trajectory], data: st.DataObject
) -> None:
    learned = learn_moments(bench.segment(records))
    one = bench.snapshot(records, learned=learned)
    cut = data.draw(st.integers(0, len(records)))
    several = bench.snapshot(records[:cut], records[cut:], learned={WORDS: learned[WORDS]})
    assert by_id(one) == by_id(several) == advised(records, everyday_of(one))
    whole, parts = moments_of(one), moments_of(several)
    assert whole.size == parts.size
    every = np.unique(whole.advice(np.arange(one.position_starts[-1])))
    assert whole.frequency(every).tolist() == parts.frequency(every).tolist()
    for key in every.tolist():
        assert whole.text(key) == parts.text(key)
    sight = hashed(data.draw(st.lists(st.sampled_from(["a", "b", "c", "1", "desk"]))))
    assert shares(one, whole, sight) == shares(several, parts, sight)
    for kinds, _ in contexts(one, records):
        for kind, key in enumerate(kinds):
            alone, joint = whole.counts(kind, key, every)
            again, more = parts.counts(kind, key, every)
            assert (alone, joint.tolist()) == (again, more.tolist())
        assert places(one, whole, kinds[1]) == places(several, parts, kinds[1])


def shares(snapshot: Snapshot, moments: MomentsOf, sight: NDArray[np.uint32]) -> dict[tuple[str, int], float]:
    every = np.arange(snapshot.position_starts[-1])
    facts = snapshot.positions(every)
    names = zip(map(snapshot.trajectories.id, facts.owner.tolist()), facts.index.tolist(), strict=True)
    return dict(zip(names, moments.in_sight(every, sight).tolist(), strict=True))


def places(snapshot: Snapshot, moments: MomentsOf, context: int) -> set[tuple[str, int]]:
    facts = snapshot.positions(moments.after_two(context))
    return {
        (snapshot.trajectories.id(owner), index)
        for owner, index in zip(facts.owner.tolist(), facts.index.tolist(), strict=True)
    }


@settings(max_examples=25)
@given(RECORDS)
def test_counts_are_those_of_going_through_all_moments(bench: Bench, records: list[Trajectory]) -> None:
    snapshot = bench.snapshot(records, learned=learn_moments(bench.segment(records)))
    moments = moments_of(snapshot)
    every = contexts(snapshot, records)
    choices = np.unique(np.array([advice for _, advice in every] + [12345], np.uint64))
    assert moments.size == len(every)
    assert moments.frequency(choices).tolist() == [
        sum(advice == choice for _, advice in every) for choice in choices.tolist()
    ]
    for kind in range(len(every[0][0])):
        for key in {kinds[kind] for kinds, _ in every} | {99}:
            alone, joint = moments.counts(kind, key, choices)
            assert alone == sum(kinds[kind] == key for kinds, _ in every)
            assert joint.tolist() == [
                sum(kinds[kind] == key and advice == choice for kinds, advice in every)
                for choice in choices.tolist()
            ]


@settings(max_examples=25)
@given(RECORDS, st.data())
def test_what_came_before_is_known_at_every_position(
    bench: Bench, records: list[Trajectory], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(records)))
    snapshot = bench.snapshot(records[:cut], records[cut:])
    moments = moments_of(snapshot)
    for record in records:
        number = snapshot.trajectories.number(record.id)
        positions = snapshot.positions_of(np.array([number]))
        advice = moments.advice(positions).tolist()
        for back, before in enumerate(moments.before(positions), 1):
            assert before.tolist() == ([0] * back + advice)[: len(advice)]
    assert len(moments.before(np.arange(1))) == BEFORE


def test_a_delta_is_read_by_the_words_of_its_generation(bench: Bench) -> None:
    old, new = errands(40), errands(20, 100)
    learned = bench.learned(old)
    snapshot = bench.snapshot(old, new[:15], new[15:], learned=learned)
    words = everyday_of(snapshot)
    assert {"from", "to", "north", "mug"} <= words
    assert by_id(snapshot) == advised([*old, *new], words)
    assert everyday_of(bench.snapshot(old)) == frozenset()


def test_moments_of_other_positions_than_there_are_are_read_again(bench: Bench) -> None:
    records = errands(6)
    learned = dict(bench.learned(records))
    learned[ADVICE] = learned[ADVICE][:-8]
    snapshot = bench.snapshot(records, learned=learned)
    assert by_id(snapshot) == advised(records, everyday_of(snapshot))


def test_what_is_learned_does_not_depend_on_the_order_of_records(bench: Bench) -> None:
    records = errands(30)
    assert dict(bench.learned(records)) == dict(bench.learned(records[::-1]))


def test_nothing_is_known_of_nothing(bench: Bench) -> None:
    empty = bench.snapshot([])
    assert bench.learned([]) == {}
    moments = moments_of(empty)
    assert moments.size == 1
    assert moments.after_two(5).tolist() == []
    assert moments.frequency(np.array([7], np.uint64)).tolist() == [0.0]
    assert moments.text(7) == ""


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20), st.integers(0, 2**64 - 1))
def test_pairs_have_keys_of_their_own(keys: list[int], other: int) -> None:
    first = np.array(keys, np.uint64)
    second = np.full(len(keys), other, np.uint64)
    assert len(set(mixed(first, second).tolist())) == len(set(keys))
    assert len(set(mixed(second, first).tolist())) == len(set(keys))
