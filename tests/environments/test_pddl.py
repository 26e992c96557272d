from __future__ import annotations

import pytest

from environments.pddl import Malformed, Move, World, parse
from tests.environments.household import DOMAIN, PROBLEM, problem


def move(world: World, name: str, **bound: str) -> Move:
    wanted = {f"?{variable}": value for variable, value in bound.items()}
    (found,) = [m for m in world.moves() if m.name == name and wanted.items() <= m.binding.items()]
    return found


@pytest.fixture
def world() -> World:
    return World(parse(DOMAIN, problem("look_at-Cup")))


def test_what_can_be_done_at_first(world: World) -> None:
    assert sorted(m.name for m in world.moves()) == ["gotolocation"] * 4 + ["inventory", "look"]


def test_going_where_one_is_does_nothing_and_is_no_move(world: World) -> None:
    world.apply(move(world, "gotolocation", r="shelf_bar_1"))
    assert world.among("atlocation") == [("robot", "loc_bar_2")]
    ends = {m.binding["?lend"] for m in world.moves() if m.name == "gotolocation"}
    assert ends == {"loc_bar_1", "loc_bar_3"}


def test_what_is_shut_in_can_not_be_taken(world: World) -> None:
    world.apply(move(world, "gotolocation", r="chest_bar_1"))
    assert not [m for m in world.moves() if m.name == "pickupobject"]
    world.apply(move(world, "openobject"))
    world.apply(move(world, "pickupobject", o="cup_bar_1"))
    assert world.holds("holds", "robot", "cup_bar_1")
    assert not world.holds("inreceptacle", "cup_bar_1", "chest_bar_1")


def test_an_effect_may_depend_on_what_is(world: World) -> None:
    world.apply(move(world, "gotolocation", r="shelf_bar_1"))
    lit = []
    for _ in range(3):
        world.apply(move(world, "toggleobject"))
        lit.append(world.holds("ison", "lamp_bar_1"))
    assert lit == [True, False, True]


def test_a_goal_of_several_parts(world: World) -> None:
    assert not world.solved()
    world.apply(move(world, "gotolocation", r="shelf_bar_1"))
    world.apply(move(world, "toggleobject"))
    assert not world.solved()
    world.apply(move(world, "pickupobject", o="cup_bar_2"))
    assert world.solved()


@pytest.mark.parametrize(
    ("domain", "problem", "message"),
    [
        (DOMAIN, "(define (problem p)", "no complete"),
        (DOMAIN, "(define (problem p)))", "too many"),
        (DOMAIN, "", "no complete"),
        (DOMAIN, "(define (problem p) (:init))", "needs :objects, :init and :goal"),
        ("(define (domain d))", problem("look_at-Cup"), "its domain an :action"),
        (DOMAIN, PROBLEM.replace("GOAL", "won"), "stands where a list is wanted"),
        (
            DOMAIN,
            problem("look_at-Cup").replace("(openable Chest_bar_1)", "(openable (not x))"),
            "is no name",
        ),
    ],
)
def test_what_is_no_problem(domain: str, problem: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse(domain, problem)


def test_an_unfinished_text_is_refused_however_deep_it_is() -> None:
    with pytest.raises(Malformed):
        parse(DOMAIN, "(" * 100_000)
