"""The numbers of a closed loop."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from environments.base import Task
from evaluation.actors import CHOOSER
from evaluation.closed_loop import Episode, World
from evaluation.standings import Loop
from evaluation.tables import loop_tables
from evaluation.tally import tally
from indexing.errors import InvalidInput
from tests.evaluation.played import VARIANTS, episode, episodes, loop, world

NAMES = ("instruction", "agentic")


def told(found: list[Episode], *worlds: World) -> Loop:
    return tally(found, worlds, CHOOSER, NAMES, resamples=200)


def test_the_same_tasks_alone_are_compared() -> None:
    errands = world(kinds=["fetch"], count=10)
    played = [episode(task, name, name == "agentic") for task in errands.tasks[:9] for name in NAMES]
    played.append(episode(errands.tasks[9], "instruction", True))
    (found,) = told(played, errands).worlds
    assert found.tasks == 9
    assert [one.variant for one in found.standings] == ["agentic", "instruction"]
    ours, theirs = found.standings
    assert (ours.counted.value, theirs.counted.value) == (1.0, 0.0)
    assert ours.against["instruction"].is_positive
    assert theirs.against == {}


def test_tasks_that_are_no_longer_asked_for_do_not_count() -> None:
    errands = world(kinds=["fetch"], count=2)
    played = [episode(task, name, True) for task in errands.tasks for name in NAMES]
    played += [episode(Task("fetch", 9), name, False) for name in NAMES]
    assert told(played, errands).across.tasks == 2


def test_worlds_weigh_the_same_in_the_mean_whatever_counts_in_them() -> None:
    one, two = world("one", count=9), replace(world("two", count=3), counts="score")
    played = [episode(task, name, True, "one") for task in one.tasks for name in NAMES]
    played += [episode(task, name, False, "two") for task in two.tasks for name in NAMES]
    found = told(played, one, two)
    assert (found.across.name, found.across.tasks, found.across.counts) == ("mean", 24, None)
    assert [one.counted.value for one in found.across.standings] == [0.5, 0.5]
    assert found.scopes == (found.across, *found.worlds)


def test_a_world_that_is_not_gated_is_told_of_and_no_part_of_the_mean() -> None:
    one, two = world("one"), replace(world("two"), gated=False)
    played = [episode(task, name, True, "one") for task in one.tasks for name in NAMES]
    played += [episode(task, name, False, "two") for task in two.tasks for name in NAMES]
    found = told(played, one, two)
    assert found.across.standings[0].counted.value == 1.0
    assert [(scope.name, scope.gated) for scope in found.worlds] == [("one", True), ("two", False)]


def test_score_counts_where_success_says_little() -> None:
    errands = replace(world(kinds=["fetch"]), counts="score")
    played = [
        replace(episode(task, name, False), reward=0.5 if name == "agentic" else 0.25)
        for task in errands.tasks
        for name in NAMES
    ]
    (found,) = told(played, errands).worlds
    assert [one.counted.value for one in found.standings] == [0.5, 0.25]
    assert [one.success.value for one in found.standings] == [0.0, 0.0]
    assert found.measure == "score"


def test_families_are_told_where_there_are_several() -> None:
    (found,) = loop(world(kinds=["fetch", "find"])).worlds
    assert [(kind.name, kind.tasks) for kind in found.kinds] == [("fetch", 6), ("find", 6)]
    assert set(found.kinds[0].counted) == set(VARIANTS)
    assert loop(world(kinds=["fetch"])).across.kinds == ()


def test_the_same_episodes_in_another_order_give_the_same_numbers() -> None:
    errands = world()
    played = episodes([errands])
    one, other = (tally(found, [errands], CHOOSER, VARIANTS) for found in (played, played[::-1]))
    assert one.to_fields() == other.to_fields()


def test_nothing_played_by_all_is_told() -> None:
    with pytest.raises(InvalidInput, match="no task was played by every variant"):
        told([episode(Task("fetch"), "agentic", True)], world())


def shown(found: Loop, width: int = 120) -> list[list[str]]:
    lines = []
    for table in loop_tables(found):
        console = Console(file=io.StringIO(), width=width, markup=False)
        console.print(table)
        assert isinstance(console.file, io.StringIO)
        lines.append(console.file.getvalue().splitlines())
    return lines


def test_the_terminal_shows_every_variant_and_what_it_has_over_the_baselines() -> None:
    (achieved,) = shown(loop(world()))
    head = "in closed loop|success rate|less instruction|less paper|actions|ms"
    assert " ".join(achieved[0].split()) == head.replace("|", " ")
    assert {line.split()[0] for line in achieved[1:]} == set(VARIANTS)
    _, by_world = shown(loop(world("one"), world("two")))
    assert [line.split()[0] for line in by_world[1:]] == ["one", "two"]


def test_no_figure_is_cut_off_on_a_narrow_terminal() -> None:
    found = loop(world("one"), world("two"))
    for wide, narrow in zip(shown(found), shown(found, width=80), strict=True):
        assert set(" ".join(wide[1:]).split()) <= set(" ".join(narrow).split())
