from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence

import pytest

from environments.base import Task
from environments.errors import MissingEnvironment, NoEpisode, UnknownTask
from environments.scienceworld import ScienceWorld, render

pytestmark = pytest.mark.whole

TASK = Task("power-component", 4)

ROOM = (
    "This room is called the cellar. In it, you see: \n\tthe agent\n\ta substance called air\n\ta lamp\n"
    "You also see:\n\tA door to the hall (that is open)\n"
)


def needs_simulator() -> None:
    pytest.importorskip("scienceworld", reason="scienceworld isn't installed: get the extra `environments`")
    if shutil.which("java") is None:
        pytest.skip("ScienceWorld runs on Java, which isn't installed")


@pytest.fixture(scope="module")
def world() -> Iterator[ScienceWorld]:
    needs_simulator()
    world = ScienceWorld()
    yield world
    world.close()
    world.close()


@pytest.fixture(scope="module")
def expert() -> Iterator[ScienceWorld]:
    needs_simulator()
    world = ScienceWorld(expert=True)
    yield world
    world.close()


def test_an_observation_is_the_answer_the_room_and_what_is_carried() -> None:
    inventory = "In your inventory, you see:\n\tan orange\n\ta cup (containing nothing)\n"
    assert render("You open the box. \n", ROOM, inventory).splitlines() == [
        "You open the box.",
        "",
        "This room is called the cellar. In it, you see:",
        "- a lamp",
        "You also see:",
        "- A door to the hall (that is open)",
        "You carry: an orange; a cup (containing nothing).",
    ]


def test_an_empty_answer_and_an_empty_inventory_take_no_room() -> None:
    text = render("", ROOM, "In your inventory, you see:\n")
    assert text.startswith("This room")
    assert text.endswith("\nYou carry: nothing.")


def test_the_gold_path_wins(expert: ScienceWorld) -> None:
    start = expert.reset(TASK)
    assert start.instruction.startswith("Your task is to turn on the ")
    assert "You carry: " in start.observation
    rewards = []
    for action in expert.expert_actions():
        result = expert.step(action)
        rewards.append(result.reward)
        if result.done:
            break
    assert result.success
    assert rewards == sorted(rewards)
    assert rewards[-1] == 1.0
    with pytest.raises(NoEpisode, match="an episode that is over"):
        expert.step("wait")


def test_the_gold_path_does_not_depend_on_what_was_played_before(expert: ScienceWorld) -> None:
    def path() -> list[str]:
        expert.reset(Task("lifespan-longest-lived", 31))
        return list(expert.expert_actions())

    assert path() == path()


def test_looking_around_shows_what_is_seen_anyway(world: ScienceWorld) -> None:
    start = world.reset(TASK)
    assert world.step("look around").observation == start.observation
    assert world.step("inventory").observation == start.observation


def test_nonsense_is_answered_and_does_not_end_the_episode(world: ScienceWorld) -> None:
    world.reset(TASK)
    result = world.step("fly to the moon")
    assert "nknown action" in result.observation or "No known action" in result.observation
    assert not result.done


def test_admissible_actions_are_the_agents_alone(world: ScienceWorld) -> None:
    world.reset(TASK)
    actions = world.admissible_actions()
    assert "look around" in actions
    assert "reset task" not in actions


def test_admissible_actions_have_the_same_names_each_time(world: ScienceWorld) -> None:
    start = world.reset(TASK)
    actions = world.admissible_actions()
    assert actions == world.admissible_actions()
    doors = re.findall(r"A door to the (.+?) \(that is closed", start.observation)
    assert doors
    assert {f"open door to {room}" for room in doors} < set(actions)
    assert not world.step(f"open door to {doors[0]}").observation.startswith("No known action")


def test_splits_do_not_overlap(world: ScienceWorld) -> None:
    assert not set(world.variations("boil", "train")) & set(world.variations("boil", "test"))


@pytest.mark.parametrize(
    ("task", "message"),
    [(Task("brew-tea"), "no task 'brew-tea'"), (Task("boil", 9999), "variations 0 to 29, not 9999")],
)
def test_unknown_tasks(world: ScienceWorld, task: Task, message: str) -> None:
    with pytest.raises(UnknownTask, match=message):
        world.reset(task)


def test_without_java_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingEnvironment, match=r"Java.*precedent\[environments\]"):
        ScienceWorld().reset(TASK)


def test_an_episode_repeats_itself_whatever_was_played_before(world: ScienceWorld) -> None:
    task = Task("find-animal", 225)

    def begin() -> tuple[str, Sequence[str]]:
        return world.reset(task).observation, world.admissible_actions()

    first = begin()
    for action in first[1][:40]:
        if world.step(action).done:
            break
    assert [begin() for _ in range(3)] == [first] * 3
