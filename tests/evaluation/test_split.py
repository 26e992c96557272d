"""No task is both remembered and asked about."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evaluation.split import FIRST_OBSERVATION, INSTRUCTION, episodes, family, split, steps_of, task_key
from indexing.errors import InvalidInput
from indexing.records import JSON, Step, Trajectory
from tests.support.collections import trajectories, trajectory

RECORDS = st.lists(trajectories(st.text("abc", min_size=1)), min_size=2, unique_by=lambda one: one.id)
SHARES = st.floats(0.01, 0.99)
SEEDS = st.integers(0, 5)


@given(RECORDS, st.sampled_from([INSTRUCTION, FIRST_OBSERVATION]), SHARES, SEEDS)
def test_no_task_is_on_both_sides_and_nothing_is_lost(
    records: list[Trajectory], by: str, share: float, seed: int
) -> None:
    key = task_key(by)
    tasks = {key(one) for one in records}
    assume(len(tasks) > 1)
    parted = split(records, by, share, seed)
    assert not {key(one) for one in parted.memory} & {key(one) for one in parted.held_out}
    assert sorted(one.id for one in parted.memory + parted.held_out) == sorted(one.id for one in records)
    held = len({key(one) for one in parted.held_out})
    assert held == min(max(1, round(share * len(tasks))), len(tasks) - 1)


@given(RECORDS, SHARES, SEEDS, st.randoms())
def test_the_same_seed_parts_alike_whatever_the_order_and_all_but_the_task(
    records: list[Trajectory], share: float, seed: int, random: Random
) -> None:
    assume(len({one.instruction for one in records}) > 1)
    parted = split(records, INSTRUCTION, share, seed)
    shuffled = random.sample(records, len(records))
    assert split(shuffled, INSTRUCTION, share, seed) == parted
    others = [trajectory(f"x{n}", one.instruction, [("p", "q")]) for n, one in enumerate(records)]
    told = {one.instruction for one in split(others, INSTRUCTION, share, seed).held_out}
    assert told == {one.instruction for one in parted.held_out}


def tasks(count: int) -> list[Trajectory]:
    return [trajectory(f"t{n}", f"Task {n}") for n in range(count)]


@given(st.integers(2, 40), st.integers(1, 40), SEEDS)
def test_tasks_are_drawn_in_one_order_whatever_is_added(count: int, more: int, seed: int) -> None:
    """So that a collection that grows keeps asking about mostly the same tasks."""
    old, grown = tasks(count), tasks(count + more)
    before = {one.id for one in split(old, INSTRUCTION, 0.5, seed).held_out}
    after = {one.id for one in split(grown, INSTRUCTION, 0.5, seed).held_out} & {one.id for one in old}
    assert before <= after or after <= before


def test_other_seeds_hold_out_others() -> None:
    drawn = {frozenset(one.id for one in split(tasks(40), INSTRUCTION, 0.2, n).held_out) for n in range(8)}
    assert len(drawn) == 8


def test_scenes_are_told_apart_by_the_metadata() -> None:
    def placed(number: int, metadata: JSON) -> Trajectory:
        return trajectory(f"t{number}", "The same", metadata=metadata)

    records = [placed(n, {"at": {"room": n % 3, "name": "x"}}) for n in range(9)]
    parted = split(records, "metadata.at.room", 0.3, 1)
    assert len({one.metadata["at"]["room"] for one in parted.held_out if one.metadata}) == 1
    assert len(parted.held_out) == 3
    assert split(records, "at.room", 0.3, 1) == parted
    with pytest.raises(InvalidInput, match=r"all trajectories share one at\.name"):
        split(records, "at.name", 0.3, 1)
    for metadata in (None, {}, {"at": 7}):
        with pytest.raises(InvalidInput, match=r"'t9' has no metadata\.at\.room"):
            split([*records, placed(9, metadata)], "at.room", 0.3, 1)


def test_one_task_alone_can_not_be_parted() -> None:
    with pytest.raises(InvalidInput, match="nothing can be held out"):
        split([trajectory("a"), trajectory("b")], INSTRUCTION, 0.5, 0)


@given(RECORDS, st.integers(0, 5), SEEDS)
def test_episodes_are_drawn_without_repeats_and_more_of_them_are_more(
    records: list[Trajectory], count: int, seed: int
) -> None:
    some = episodes(records, count, seed)
    assert len(some) == min(count, len(records))
    assert episodes(reversed(records), count + 1, seed)[:count] == some


@given(st.integers(1, 60), st.integers(1, 12))
def test_steps_are_spread_from_the_first_to_the_last(length: int, most: int) -> None:
    steps = steps_of(Trajectory("a", "x", (Step("o", "a"),) * length), most)
    assert steps == sorted(set(steps))
    assert steps[0] == 0
    assert len(steps) == min(length, most)
    assert most == 1 or steps[-1] == length - 1
    gaps = [after - before for before, after in pairwise(steps)]
    assert not gaps or max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        (None, ""),
        ({"site": "x"}, ""),
        ({"task": "book"}, "book"),
        ({"db": "pets", "task_type": "pick"}, "pick"),
        ({"services": ["Hotels_1", "Bus_2"]}, "Hotels_1"),
        ({"services": [], "db": 7, "environment": "shell"}, "shell"),
    ],
)
def test_the_kind_of_task_is_read_where_it_stands(metadata: JSON, kind: str) -> None:
    assert family(trajectory("a", metadata=metadata)) == kind
