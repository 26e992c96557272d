from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from environments.babyai import ACTIONS, in_words
from environments.base import Task
from environments.errors import NoEpisode, Stalled, UnknownTask
from environments.gymnasium import TextGym, Unfit, as_text, won_by_reward
from tests.contract.environment import EnvironmentContract

gymnasium = pytest.importorskip(
    "gymnasium", reason="gymnasium isn't installed: the extra `environments` brings it"
)
ROOMS = ("kitchen", "hall", "garden")
MOVES = ("back", "on")


class Walk(gymnasium.Env):  # type: ignore[misc, name-defined]
    """From the kitchen to the garden; the seed says where it begins."""

    observation_space: ClassVar[Any] = gymnasium.spaces.Text(20)
    action_space: ClassVar[Any] = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.room = (seed or 0) % 2
        return self.seen(), self.info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.room = max(self.room + (1 if action else -1), 0)
        there = self.room == 2
        return self.seen(), float(there), there, False, self.info()

    def seen(self) -> Any:
        return f"You are in the {ROOMS[self.room]}."

    def info(self) -> dict[str, Any]:
        return {"action_mask": [self.room > 0, True]}


class Parrot(Walk):
    """Wants to hear a word, sees several texts at once, and breaks at another word."""

    action_space: ClassVar[Any] = gymnasium.spaces.Text(8, charset="abcdefghijklmnopqrstuvwxyz")

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if action == "crash":
            raise RuntimeError("the parrot flew away")
        return self.seen(), 3.0 if action == "hello" else -1.0, action == "hello", action == "stop", {}

    def seen(self) -> Any:
        return {"bird": "parrot", "mood": "fine"}


class Numbers(Walk):
    def seen(self) -> Any:
        return self.room


class AnyText(gymnasium.Space):  # type: ignore[misc, name-defined]
    """As BrowserGym's: any text, without an alphabet."""

    def contains(self, x: Any) -> bool:
        return isinstance(x, str)


class Browser(Walk):
    """An environment in BrowserGym's form: a goal in messages, the page as a tree, the last error."""

    observation_space: ClassVar[Any] = gymnasium.spaces.Dict({})
    action_space: ClassVar[Any] = AnyText()
    error = ""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.error = "" if action == "click('12')" else f"ValueError: {action}"
        return self.seen(), float(not self.error), not self.error, False, {}

    def seen(self) -> Any:
        return {
            "goal_object": [{"type": "text", "text": "Send it."}, {"type": "image_url", "image_url": {}}],
            "axtree_object": {"nodes": [("12", "button", "Send"), ("13", "link", "Home")]},
            "last_action_error": self.error,
        }


def page_told(seen: Any, _: Any) -> str:
    lines = [f"[{number}] {role} {name!r}" for number, role, name in seen["axtree_object"]["nodes"]]
    return "\n".join(filter(None, [seen["last_action_error"], *lines]))


def goal_told(seen: Any, _: Any) -> str:
    return "\n".join(part["text"] for part in seen["goal_object"] if part["type"] == "text")


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    names = {"Walk-v0": Walk, "Parrot-v0": Parrot, "Numbers-v0": Numbers, "Browser-v0": Browser}
    for name, kind in names.items():
        gymnasium.register(name, kind, disable_env_checker=True)
    yield
    for name in names:
        del gymnasium.registry[name]


class TestContract(EnvironmentContract):
    task = Task("Walk-v0", 0)
    winning = ("on", "back", "on", "on")

    def make(self) -> TextGym:
        return TextGym(actions=MOVES, instruction="Go to the garden.")

    def test_an_unknown_task_is_refused(self, environment: Any) -> None:
        for name in ("no such task", "Nothing-v0", "Walk-v7"):
            with pytest.raises(UnknownTask):
                environment.reset(Task(name))


def test_an_episode_in_words() -> None:
    gym = TextGym(actions=MOVES, instruction="Go to the garden.")
    assert gym.admissible_actions() == ()
    start = gym.reset(Task("Walk-v0", 1))
    assert (start.instruction, start.observation) == ("Go to the garden.", "You are in the hall.")
    assert gym.admissible_actions() == ["back", "on"]
    assert gym.step("back").observation == "You are in the kitchen."
    assert gym.admissible_actions() == ["on"]
    assert gym.step("dance").observation == "There is no action 'dance'; use back, on."
    gym.close()


def test_actions_that_are_texts() -> None:
    gym = TextGym(instruction=lambda seen, _: f"Talk to the {seen['bird']}.")
    start = gym.reset(Task("Parrot-v0"))
    assert (start.instruction, start.observation) == ("Talk to the parrot.", "bird: parrot\nmood: fine")
    assert gym.admissible_actions() is None
    assert gym.step("NO").observation == "'NO' can't be said here."
    assert gym.step("what").reward == 0.0
    result = gym.step("hello")
    assert (result.reward, result.done, result.success) == (1.0, True, True)
    gym.reset(Task("Parrot-v0"))
    cut = gym.step("stop")
    assert (cut.done, cut.success) == (True, False)


def test_an_environment_that_breaks_is_told() -> None:
    gym = TextGym()
    gym.reset(Task("Parrot-v0"))
    with pytest.raises(Stalled, match="the parrot flew away"):
        gym.step("crash")
    with pytest.raises(NoEpisode):
        gym.step("hello")
    assert gym.reset(Task("Parrot-v0")).observation


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(Unfit, match="no text but int"):
        TextGym(actions=MOVES).reset(Task("Numbers-v0"))
    for actions in (None, ("one",)):
        with pytest.raises(Unfit, match=r"Discrete\(2\)"):
            TextGym(actions=actions).reset(Task("Walk-v0"))
    told = TextGym(actions=MOVES, observation=lambda room, _: ROOMS[room])
    assert told.reset(Task("Numbers-v0")).observation == "kitchen"


def test_texts_and_success() -> None:
    assert as_text(("a", "b"), None) == "a\nb"
    assert won_by_reward(0.0, False, {"is_success": True})
    assert not won_by_reward(1.0, True, {"success": False})
    assert won_by_reward(0.5, True, {})
    assert not won_by_reward(1.0, False, {})


def test_minigrid_is_seen_as_babyai_is() -> None:
    pytest.importorskip("minigrid", reason="minigrid isn't installed: the extra `environments` brings it")
    gym = TextGym(actions=ACTIONS, observation=in_words, instruction=lambda seen, _: str(seen["mission"]))
    start = gym.reset(Task("MiniGrid-Empty-5x5-v0", 0))
    assert start.instruction == "get to the green goal square"
    assert start.observation.startswith("You see:\n- a wall 3 steps ahead")
    path = ["go forward", "go forward", "turn right", "go forward", "go forward"]
    results = [gym.step(action) for action in path]
    assert [result.done for result in results] == [False] * 4 + [True]
    assert results[-1].success
    assert 0 < results[-1].reward <= 1
    gym.close()


def test_an_environment_in_browsergyms_form_needs_two_functions() -> None:
    gym = TextGym(observation=page_told, instruction=goal_told)
    start = gym.reset(Task("Browser-v0"))
    assert (start.instruction, start.observation) == ("Send it.", "[12] button 'Send'\n[13] link 'Home'")
    assert gym.step("fly").observation.startswith("ValueError: fly\n[12] button")
    assert gym.step("click('12')").success
