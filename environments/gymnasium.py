"""Any Gymnasium environment whose observations are texts, or can be told in words (Towers et al., 2024).

A task's name is the environment's id, its variation the seed. Actions are texts: those of a Text
space as they are, those of a Discrete space by the names given for its numbers, in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from environments.base import EXTRA, Start, StepResult, Task
from environments.errors import EnvironmentFault, MissingEnvironment, NoEpisode, Stalled, UnknownTask

Told = Callable[[Any, Any], str]
"""What is seen in words, from the environment's observation and the unwrapped environment."""
Judge = Callable[[float, bool, Mapping[str, Any]], bool]
"""Whether an episode is won, from the last reward, whether it ended by itself, and the step's info."""


class Unfit(EnvironmentFault):
    """The environment's observations or actions aren't texts, and nothing says how to make them so."""


def by_id(name: str) -> Any:
    """The environment that is registered under an id; raises MissingEnvironment, UnknownTask."""
    try:
        import gymnasium
    except ImportError:
        raise MissingEnvironment(f"Gymnasium isn't installed: {EXTRA}") from None
    try:
        return gymnasium.make(name, disable_env_checker=True)
    except gymnasium.error.Error as fault:
        raise UnknownTask(f"Gymnasium makes no {name!r}: {fault}") from None


def as_text(observation: Any, _: Any) -> str:
    """A text as it is, a mapping or sequence of texts a line each."""
    if isinstance(observation, str):
        return observation
    if isinstance(observation, Mapping) and all(isinstance(value, str) for value in observation.values()):
        return "\n".join(f"{name}: {value}" for name, value in observation.items())
    if isinstance(observation, tuple) and all(isinstance(value, str) for value in observation):
        return "\n".join(observation)
    raise Unfit(f"the observation is no text but {type(observation).__name__}: say how to tell it")


def won_by_reward(reward: float, ended: bool, info: Mapping[str, Any]) -> bool:
    """As `is_success` or `success` in the info says, else whether the end was rewarded."""
    return bool(info.get("is_success", info.get("success", ended and reward > 0)))


class TextGym:
    """One Gymnasium environment at a time. Without named actions its action space must be of texts."""

    def __init__(
        self,
        make: Callable[[str], Any] = by_id,
        actions: Sequence[str] | None = None,
        observation: Told = as_text,
        instruction: str | Told = "",
        success: Judge = won_by_reward,
    ) -> None:
        """`make` gives the environment for a task's name and raises UnknownTask for others."""
        self._make, self._actions = make, tuple(actions) if actions is not None else None
        self._told, self._instruction, self._success = observation, instruction, success
        self._env: Any = None
        self._name = ""
        self._info: Mapping[str, Any] = {}
        self._return = 0.0
        self._playing = False

    def reset(self, task: Task) -> Start:
        if self._env is None or task.name != self._name:
            self.close()
            self._env, self._name = self._make(task.name), task.name
            self._check_actions()
        try:
            seen, self._info = self._env.reset(seed=task.variation)
        except Exception as fault:
            self.close()
            raise Stalled(f"{task.name} failed to reset: {fault}") from fault
        told, env = self._instruction, self._env.unwrapped
        start = Start(told if isinstance(told, str) else told(seen, env), self._told(seen, env))
        self._playing, self._return = True, 0.0
        return start

    def step(self, action: str) -> StepResult:
        if not self._playing:
            raise NoEpisode("Gymnasium: call reset first; an episode that is over takes no action")
        taken = self._understood(action)
        if taken is None:
            return StepResult(self._refusal(action), self._reward(), False, False)
        try:
            seen, reward, ended, cut, self._info = self._env.step(taken)
        except Exception as fault:
            self.close()
            raise Stalled(f"the environment failed, reset: {fault}") from fault
        self._return += float(reward)
        self._playing = not (ended or cut)
        success = bool(self._success(float(reward), bool(ended), self._info))
        observation = self._told(seen, self._env.unwrapped)
        return StepResult(observation, self._reward(), not self._playing, not self._playing and success)

    def admissible_actions(self) -> Sequence[str] | None:
        """The named actions, without those that an `action_mask` in the info leaves out."""
        if self._actions is None:
            return None
        if not self._playing:
            return ()
        mask = self._info.get("action_mask")
        return sorted(name for number, name in enumerate(self._actions) if mask is None or bool(mask[number]))

    def close(self) -> None:
        env, self._env, self._name, self._playing = self._env, None, "", False
        if env is not None:
            env.close()

    def _reward(self) -> float:
        return min(max(self._return, 0.0), 1.0)

    def _understood(self, action: str) -> Any:
        if self._actions is None:
            return action if self._env.action_space.contains(action) else None
        if action not in self._actions:
            return None
        return self._env.action_space.start + self._actions.index(action)

    def _refusal(self, action: str) -> str:
        if self._actions is None:
            return f"{action!r} can't be said here."
        return f"There is no action {action!r}; use {', '.join(self._actions)}."

    def _check_actions(self) -> None:
        from gymnasium.spaces import Discrete, Text

        space = self._env.action_space
        if self._actions is None and (isinstance(space, Text) or space.contains("noop()")):
            return
        if self._actions is not None and isinstance(space, Discrete) and space.n == len(self._actions):
            return
        self.close()
        raise Unfit(f"its actions are {space}, which takes names for {getattr(space, 'n', 'none')} of them")
