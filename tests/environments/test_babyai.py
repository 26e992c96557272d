from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import pytest

from environments.babyai import ACTIONS, BabyAI, render
from environments.base import Task
from environments.errors import NoEpisode, UnknownTask

LEVEL = Task("UnlockPickup", 3)


@dataclass(frozen=True)
class Cell:
    type: str
    color: str = "grey"
    is_open: bool = False
    is_locked: bool = False


@pytest.fixture
def world() -> Iterator[BabyAI]:
    pytest.importorskip("minigrid", reason="minigrid isn't installed: the extra `environments` brings it")
    world = BabyAI()
    yield world
    world.close()


def test_the_view_is_told_from_where_the_agent_stands() -> None:
    cells = {
        (0, 0): Cell("key", "green"),
        (1, 0): None,
        (2, 0): Cell("wall"),
        (0, -1): Cell("wall"),
        (0, 1): Cell("ball", "red"),
        (0, 2): Cell("wall"),
        (1, 1): Cell("door", "blue", is_locked=True),
        (1, -1): Cell("door", "yellow", is_open=True),
    }
    assert render(cells, "a green key").splitlines() == [
        "You see:",
        "- a wall 2 steps ahead",
        "- a wall 1 step to the left",
        "- a red ball 1 step to the right",
        "- an open yellow door 1 step ahead and 1 step to the left",
        "- a locked blue door 1 step ahead and 1 step to the right",
        "You carry a green key.",
    ]


def test_nothing_in_sight_is_open_floor() -> None:
    assert render({(0, 0): None, (1, 0): None}, None) == "You see:\n- open floor\nYou carry nothing."


def test_the_bot_meets_its_mission(world: BabyAI) -> None:
    start = world.reset(LEVEL)
    assert start.instruction.startswith("pick up the ")
    assert start.observation.startswith("You see:\n- ")
    results = [world.step(action) for action in world.expert_actions()]
    assert [result.done for result in results] == [False] * (len(results) - 1) + [True]
    assert results[-1].success
    assert 0 < results[-1].reward <= 1
    assert {result.reward for result in results[:-1]} == {0.0}


def test_the_same_seed_is_the_same_episode(world: BabyAI) -> None:
    def episode() -> list[str]:
        start = world.reset(LEVEL)
        return [start.observation, *(world.step(action).observation for action in world.expert_actions())]

    assert episode() == episode()


def test_an_unknown_action_is_answered_and_changes_nothing(world: BabyAI) -> None:
    start = world.reset(LEVEL)
    answer = world.step("fly")
    assert "turn left" in answer.observation
    assert not answer.done
    world.step("turn left")
    assert world.step("turn right").observation == start.observation
    assert set(world.admissible_actions()) == set(ACTIONS)


def test_unknown_level_and_no_episode(world: BabyAI, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownTask, match="no level 'Nowhere'"):
        world.reset(Task("Nowhere"))
    with pytest.raises(NoEpisode, match="call reset first"):
        world.step("turn left")
    with pytest.raises(NoEpisode, match="call reset first"):
        next(world.expert_actions())
    assert world.admissible_actions() == ()
    world.reset(LEVEL)
    assert capsys.readouterr().out == ""


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns five hundred times as often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("world", "hasty")
def test_standard_output_stays_where_threads_found_it() -> None:
    def begun(level: str) -> int:
        with closing(BabyAI()) as world:
            return len([world.reset(Task(level, seed)) for seed in range(40)])

    before = sys.stdout
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(begun, ["GoToLocal", "GoToLocal"])) == [40, 40]
    assert sys.stdout is before
