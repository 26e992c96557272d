"""MiniWoB++: small web tasks, played in a real browser (Shi et al., ICML 2017; Liu et al., ICLR 2018).

Pages and actions read as in the human demonstrations (`dialects.miniwob`). What a recording can't
tell, which option of a drop-down list was chosen, an action here names: `choose an option of [5]
select #options "Peru"`. `type` replaces what is in the field. Menus that open under a resting mouse
stay shut, for the recordings know no such action. Where a line of text breaks and how large a letter
in a drawing is, the fonts decide: it is as recorded where Arial is, or its double Liberation Sans.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from dialects.miniwob import page_text
from environments.base import Start, StepResult, Task
from environments.errors import NoEpisode, UnknownTask
from environments.miniwob_actions import Move, choices, understand
from environments.miniwob_browser import Look, Tab, pages

WHEEL = 100
"""Pixels of one turn of the mouse's wheel."""

Result = TypeVar("Result")


class MiniWoB:
    """Tasks are the names of the pages ("click-test", "email-inbox"), variations are seeds.

    Success is the whole reward, without the page's own discount for slowness, as for a recording; a
    few tasks (click-checkboxes) reward a part of the answer. Not to be called from within an event
    loop: it runs one of its own.
    """

    def __init__(self, chromium: str | None = None, step_limit: int = 50, patience: float = 30) -> None:
        """`chromium`: the browser's path, else the one on PATH; `patience`: seconds for one call."""
        self._step_limit = step_limit
        self._tab = Tab(chromium, patience)
        self._runner: asyncio.Runner | None = None
        self._look: Look | None = None
        self._steps = 0

    def reset(self, task: Task) -> Start:
        self._look = None
        page = pages() / f"{task.name}.html"
        if task.name not in self.task_names():
            raise UnknownTask(f"MiniWoB++ has no task {task.name!r}; its documentation lists them")
        look = self._run(self._tab.begin(page.as_uri(), task.variation))
        self._look, self._steps = look, 0
        return Start(look.instruction, page_text(look.page))

    def step(self, action: str) -> StepResult:
        if self._look is None:
            raise NoEpisode("MiniWoB++: call reset first; an episode that is over takes no action")
        look, self._look = self._look, None
        move = understand(action, look.page, look.options)
        observation = "" if move else f"{action!r} is nothing that can be done here.\n\n"
        if move is not None:
            look = self._run(self._do(move))
        self._steps += 1
        done = look.done or self._steps >= self._step_limit
        self._look = None if done else look
        reward = min(max(look.reward, 0.0), 1.0)
        return StepResult(observation + page_text(look.page), reward, done, look.done and look.reward >= 1)

    def admissible_actions(self) -> Sequence[str]:
        look = self._look
        return choices(look.page, look.instruction, look.fields, look.options) if look else ()

    def close(self) -> None:
        runner, self._runner, self._look = self._runner, None, None
        if runner is not None:
            with runner:
                runner.run(self._tab.close())

    def task_names(self) -> list[str]:
        """All tasks, sorted."""
        return sorted(page.stem for page in pages().glob("*.html"))

    def _do(self, move: Move) -> Coroutine[Any, Any, Look]:
        ref = move.element.ref
        match move.verb:
            case "click":
                return self._tab.click(ref, held=move.text)
            case "dblclick":
                return self._tab.click(ref, 2)
            case "type":
                return self._tab.write(ref, move.text, in_parts=move.element.tag == "INPUT_date")
            case "press":
                return self._tab.press(ref, move.text, move.times)
            case "scroll":
                return self._tab.scroll(ref, -WHEEL if move.text == "up" else WHEEL)
            case "drag" if move.to is not None:
                return self._tab.drag(ref, move.to.ref)
            case _:
                return self._tab.choose(ref, move.text)

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(work)
