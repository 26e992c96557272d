"""TextWorld's cooking games: find a recipe, gather, prepare and eat it (Côté et al., 2018).

Games are generated and compiled from a level and a seed. An observation is the game's answer, then
the room (where the answer doesn't show it) and the inventory.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

from environments.base import EXTRA, Start, StepResult, Task
from environments.errors import MissingEnvironment, NoEpisode, UnknownTask

LEVELS: Mapping[str, Mapping[str, int | bool]] = {
    "cooking-prepare": {"recipe": 1, "take": 0, "cook": True, "cut": True, "go": 1},
    "cooking-gather": {"recipe": 2, "take": 2, "open": True, "go": 6},
    "cooking-gather-cook": {"recipe": 2, "take": 2, "cook": True, "open": True, "go": 6},
    "cooking-gather-cut": {"recipe": 2, "take": 2, "cut": True, "open": True, "go": 6},
    "cooking-full": {"recipe": 2, "take": 2, "cook": True, "cut": True, "open": True, "go": 9},
    "cooking-far": {"recipe": 1, "take": 1, "cook": True, "cut": True, "open": True, "go": 12},
}
"""Ingredients, how many of them to fetch, what is to be done with them, rooms."""

_ONE_AT_A_TIME = Lock()
"""TextWorld's parser and the filters of warnings are the process's: two threads would break them."""


class TextWorld:
    """Tasks are the names in LEVELS, variations are seeds."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._engine: Any = None
        self._state: Any = None
        self._walkthrough: tuple[str, ...] = ()

    def reset(self, task: Task) -> Start:
        if task.name not in LEVELS:
            raise UnknownTask(f"TextWorld has no level {task.name!r} here; it has {', '.join(LEVELS)}")
        self.close()
        self._folder = tempfile.TemporaryDirectory(prefix="textworld-")
        with _quiet_interpreter():
            self._engine, self._walkthrough = _game(LEVELS[task.name], task.variation, self._folder.name)
            self._state = self._engine.reset()
        observation = render("", self._state.description, self._state.inventory)
        return Start(self._state.objective.strip(), observation)

    def step(self, action: str) -> StepResult:
        if self._state is None:
            raise NoEpisode("TextWorld: call reset first; an episode that is over takes no action")
        with _quiet_interpreter():
            state, _, done = self._engine.step(action)
        answer = "" if action in {"look", "inventory"} else state.feedback
        observation = tidy(answer) if done else render(answer, state.description, state.inventory)
        self._state = None if done else state
        return StepResult(observation, state.score / state.max_score, bool(done), bool(state.won))

    def admissible_actions(self) -> Sequence[str]:
        return sorted(self._state.admissible_commands) if self._state is not None else ()

    def expert_actions(self) -> Iterator[str]:
        if self._state is None:
            raise NoEpisode("TextWorld: call reset first")
        yield from self._walkthrough

    def close(self) -> None:
        engine, self._engine, self._state = self._engine, None, None
        folder, self._folder = self._folder, None
        if engine is not None:
            engine.close()
        if folder is not None:
            folder.cleanup()

    def command_templates(self) -> list[str]:
        """The forms a command can take in the present game."""
        if self._state is None:
            raise NoEpisode("TextWorld: call reset first")
        return sorted(self._state.command_templates)


def render(answer: str, room: str, inventory: str) -> str:
    """An observation from the game's three texts; an answer that shows the room stands for both."""
    parts = [tidy(answer)] if answer.strip() else []
    if "-= " not in answer:
        parts.append(tidy(room))
    return "\n\n".join([*parts, tidy(inventory)])


def tidy(text: str) -> str:
    """Without trailing blanks, runs of empty lines, and the interpreter's question at the end."""
    text = text.partition("Would you like to RESTART")[0]
    text = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", text).strip()


@contextmanager
def _quiet_interpreter() -> Iterator[None]:
    """Without the warnings that the interpreter doesn't know a generated game: TextWorld does."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="jericho")
        yield


def _game(level: Mapping[str, int | bool], seed: int, folder: str) -> tuple[Any, tuple[str, ...]]:
    try:
        import textworld
        from textworld.challenges.tw_cooking import cooking
    except ImportError:
        raise MissingEnvironment(f"TextWorld isn't installed: {EXTRA}") from None
    options = textworld.GameOptions()
    options.seeds = seed
    options.path = f"{folder}/"
    settings = {"drop": False, **level, "recipe_seed": 0, "split": "train"}
    game = cooking.make(settings, options)
    wanted = textworld.EnvInfos(
        feedback=True, description=True, inventory=True, admissible_commands=True, command_templates=True,
        objective=True, score=True, max_score=True, won=True,
    )  # fmt: skip
    engine = textworld.start(textworld.generator.compile_game(game, options), wanted)
    return engine, tuple(game.metadata["walkthrough"])
