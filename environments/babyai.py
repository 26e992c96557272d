"""BabyAI: instructions in a grid world seen through a small window (Chevalier-Boisvert et al., ICLR 2019).

The partial view (7 by 7 cells ahead of the agent) is told in words, from where the agent stands: the
nearest wall ahead and on both sides, each thing in sight with its steps, and what is carried.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

from environments.base import EXTRA, Start, StepResult, Task
from environments.errors import MissingEnvironment, NoEpisode, UnknownTask

ACTIONS = ("turn left", "turn right", "go forward", "pick up", "drop", "toggle", "done")
"""In the order of minigrid's own numbers."""

_ONE_AT_A_TIME = Lock()
"""Standard output is the process's: two threads that redirect it would leave it redirected."""


class BabyAI:
    """Tasks are level names ("GoToLocal", "UnlockPickup"), variations are seeds."""

    def __init__(self) -> None:
        self._grid: Any = None
        self._level = ""
        self._playing = False

    def reset(self, task: Task) -> Start:
        if task.name != self._level:
            self.close()
            self._grid, self._level = _level(task.name), task.name
        # minigrid prints each layout that it rejects.
        with _ONE_AT_A_TIME, contextlib.redirect_stdout(io.StringIO()):
            self._grid.reset(seed=task.variation)
        self._playing = True
        return Start(self._grid.mission, in_words(None, self._grid))

    def step(self, action: str) -> StepResult:
        if not self._playing:
            raise NoEpisode("BabyAI: call reset first; an episode that is over takes no action")
        if action not in ACTIONS:
            known = ", ".join(ACTIONS)
            return StepResult(f"There is no action {action!r}; use {known}.", 0.0, False, False)
        _, reward, ended, cut, _ = self._grid.step(self._grid.actions(ACTIONS.index(action)))
        self._playing = not (ended or cut)
        return StepResult(in_words(None, self._grid), float(reward), bool(ended or cut), reward > 0)

    def admissible_actions(self) -> Sequence[str]:
        return sorted(ACTIONS) if self._playing else ()

    def expert_actions(self) -> Iterator[str]:
        if not self._playing:
            raise NoEpisode("BabyAI: call reset first")
        from minigrid.utils.baby_ai_bot import BabyAIBot

        untyped: Any = BabyAIBot
        bot, action = untyped(self._grid), None
        while self._playing:
            action = bot.replan(action)
            yield ACTIONS[action]

    def close(self) -> None:
        grid, self._grid, self._level, self._playing = self._grid, None, "", False
        if grid is not None:
            grid.close()

    def size(self) -> tuple[int, int, int]:
        """Width and height of the present level's grid in cells, walls included, and its step limit."""
        return self._grid.width, self._grid.height, self._grid.max_steps


def in_words(_: Any, grid: Any) -> str:
    """What an unwrapped minigrid environment shows now, for `environments.gymnasium` too."""
    view, seen = grid.gen_obs_grid()
    cells = {
        (view.height - 1 - row, column - view.width // 2): view.get(column, row)
        for column in range(view.width)
        for row in range(view.height)
        if seen[column, row]
    }
    carried = grid.carrying
    return render(cells, f"{_article(carried.color)} {carried.type}" if carried else None)


def render(cells: dict[tuple[int, int], Any], carried: str | None) -> str:
    """The view in words: `cells` by (steps ahead, steps to the right), None where the floor is free."""
    walls = [wall for ahead, right in ((1, 0), (0, -1), (0, 1)) if (wall := _wall(cells, ahead, right))]
    things = sorted(
        (ahead + abs(right), ahead, right, _describe(cell))
        for (ahead, right), cell in cells.items()
        if cell is not None and cell.type != "wall" and (ahead, right) != (0, 0)
    )
    lines = walls + [f"{name} {_place(ahead, right)}" for _, ahead, right, name in things]
    sight = [f"- {line}" for line in lines] or ["- open floor"]
    return "\n".join(["You see:", *sight, f"You carry {carried or 'nothing'}."])


def _wall(cells: dict[tuple[int, int], Any], ahead: int, right: int) -> str | None:
    """The wall that ends the line of sight in one direction, where it is the first thing there."""
    steps = 1
    while (ahead * steps, right * steps) in cells:
        cell = cells[ahead * steps, right * steps]
        if cell is not None:
            return f"a wall {_place(ahead * steps, right * steps)}" if cell.type == "wall" else None
        steps += 1
    return None


def _describe(cell: Any) -> str:
    if cell.type != "door":
        return f"{_article(cell.color)} {cell.type}"
    state = "a locked" if cell.is_locked else "an open" if cell.is_open else "a closed"
    return f"{state} {cell.color} door"


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _place(ahead: int, right: int) -> str:
    def steps(count: int) -> str:
        return f"{count} step{'' if count == 1 else 's'}"

    parts = [f"{steps(ahead)} ahead"] if ahead else []
    if right:
        parts.append(f"{steps(abs(right))} to the {'right' if right > 0 else 'left'}")
    return " and ".join(parts)


def _level(name: str) -> Any:
    try:
        import gymnasium
        import minigrid  # noqa: F401  (registers its levels)
    except ImportError:
        raise MissingEnvironment(f"BabyAI (minigrid) isn't installed: {EXTRA}") from None
    try:
        return gymnasium.make(f"BabyAI-{name}-v0", disable_env_checker=True).unwrapped
    except gymnasium.error.UnregisteredEnv:
        raise UnknownTask(f"BabyAI has no level {name!r}; minigrid's documentation lists them") from None
