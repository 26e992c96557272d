from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from environments.base import Task
from environments.errors import NoEpisode, UnknownTask
from environments.textworld import TextWorld, render, tidy

ROOM = "-= Cellar =-\nA cellar.\n\n\n\nThere is an exit to the north.\n"


@pytest.fixture
def world() -> Iterator[TextWorld]:
    pytest.importorskip("textworld", reason="textworld isn't installed: the extra `environments` brings it")
    world = TextWorld()
    yield world
    world.close()
    world.close()


def test_an_answer_that_shows_the_room_stands_for_it() -> None:
    assert render(ROOM, ROOM, "You are carrying nothing.\n") == (
        "-= Cellar =-\nA cellar.\n\nThere is an exit to the north.\n\nYou are carrying nothing."
    )


def test_another_answer_is_followed_by_the_room() -> None:
    text = render("Taken. ", ROOM, "You are carrying: a lamp.")
    assert text.split("\n\n")[0] == "Taken."
    assert text.count("-= Cellar =-") == 1


def test_the_interpreters_question_is_no_observation() -> None:
    assert tidy("*** The End ***\n\n\n\nWould you like to RESTART, QUIT?") == "*** The End ***"


@pytest.mark.whole
def test_the_walkthrough_wins(world: TextWorld) -> None:
    start = world.reset(Task("cooking-prepare", 1))
    assert start.instruction.startswith("You are hungry!")
    assert start.observation.startswith("-= Kitchen =-")
    assert "examine cookbook" in world.admissible_actions()
    assert "prepare meal" in world.command_templates()
    for action in world.expert_actions():
        result = world.step(action)
    assert (result.reward, result.done, result.success) == (1.0, True, True)
    with pytest.raises(NoEpisode, match="an episode that is over"):
        world.step("look")


def test_unknown_level_and_no_episode() -> None:
    world = TextWorld()
    with pytest.raises(UnknownTask, match="no level 'baking'"):
        world.reset(Task("baking"))
    with pytest.raises(NoEpisode, match="call reset first"):
        next(world.expert_actions())
    assert world.admissible_actions() == ()


@pytest.mark.whole
@pytest.mark.usefixtures("world")
def test_two_threads_play_as_one_does() -> None:
    def played(seed: int) -> list[str]:
        with closing(TextWorld()) as world:
            start = world.reset(Task("cooking-prepare", seed))
            return [start.observation, *(world.step(action).observation for action in world.expert_actions())]

    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(played, range(1, 4)))
    assert together == [played(seed) for seed in range(1, 4)]
