"""MiniWoB++ in a real browser: scripted solvers that succeed and fail, one rule for live and recorded."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from environments.base import StepResult, Task
from environments.errors import MissingEnvironment, NoEpisode, UnknownTask
from environments.miniwob import MiniWoB
from environments.miniwob_browser import pages

Solver = Callable[[str], list[str]]
"""From an instruction to what its actions start with, less the references of the elements."""


@pytest.fixture(scope="module")
def web() -> Iterator[MiniWoB]:
    needs_browser()
    web = MiniWoB()
    yield web
    web.close()
    web.close()


def needs_browser() -> None:
    if find_spec("miniwob") is None:
        pytest.skip("miniwob isn't installed: the extra `environments` brings it")
    if shutil.which("chromium") is None and shutil.which("chromium-browser") is None:
        pytest.skip("chromium isn't installed; Debian's package has it")


def take(web: MiniWoB, wanted: str) -> StepResult:
    """The one admissible action that reads so when its reference is left out."""
    (action,) = [
        action for action in web.admissible_actions() if re.sub(r" \[\d+\]", "", action, count=1) == wanted
    ]
    return web.step(action)


def quote_in(instruction: str) -> str:
    return instruction.split('"')[1]


def the_button(instruction: str) -> list[str]:
    return [f'click button "{quote_in(instruction)}"']


def the_text(instruction: str) -> list[str]:
    return [f'type textbox #tt "{quote_in(instruction)}"', 'click button "Submit"']


def the_option(instruction: str) -> list[str]:
    name = instruction.removeprefix("Select ").removesuffix(" from the list and click Submit.")
    return [f'choose an option of select #options "{name}"', 'click button "Submit"']


def the_boxes(instruction: str) -> list[str]:
    names = instruction.removeprefix("Select ").removesuffix(" and click Submit.").split(", ")
    ticks = [f'click checkbox "{name}"' for name in names if name != "nothing"]
    return [*ticks, 'click button "Submit"']


def the_options(instruction: str) -> list[str]:
    first, *others = instruction.removeprefix("Select ").partition(" from the scroll list")[0].split(", ")
    further = [f'click option "{name}" holding Ctrl' for name in others]
    return [f'click option "{first}"', *further, 'click button "Submit"']


def the_date(instruction: str) -> list[str]:
    digits = re.sub(r"\D", "", instruction)
    return ["click date #tt", f'type date #tt "{digits}"', 'click button "Submit"']


@pytest.mark.parametrize(
    ("task", "solve"),
    [
        ("click-test", lambda _: ['click button "Click Me!"']),
        ("click-button", the_button),
        ("enter-text", the_text),
        ("choose-list", the_option),
        ("click-checkboxes", the_boxes),
        ("enter-date", the_date),
        ("click-scroll-list", the_options),
    ],
)
@pytest.mark.parametrize("seed", [1, 3])
def test_a_scripted_solver_succeeds(web: MiniWoB, task: str, solve: Solver, seed: int) -> None:
    start = web.reset(Task(task, seed))
    assert start.observation.startswith("[1] body\n  [2] div #wrap\n    [3] div #area\n")
    *before, last = solve(start.instruction)
    for wanted in before:
        result = take(web, wanted)
        assert (result.reward, result.done, result.success) == (0.0, False, False)
    result = take(web, last)
    assert (result.reward, result.done, result.success) == (1.0, True, True)
    assert web.admissible_actions() == ()
    with pytest.raises(NoEpisode, match="an episode that is over"):
        web.step("click [1]")


def test_the_wrong_answer_fails(web: MiniWoB) -> None:
    web.reset(Task("enter-text", 1))
    result = take(web, 'click button "Submit"')
    assert (result.reward, result.done, result.success) == (0.0, True, False)


def test_half_an_answer_is_rewarded_and_no_success(web: MiniWoB) -> None:
    start = web.reset(Task("click-checkboxes", 7))
    *ticks, submit = the_boxes(start.instruction)
    assert (len(ticks), start.observation.count("checkbox")) == (3, 4)
    for tick in ticks[1:]:
        take(web, tick)
    result = take(web, submit)
    assert (result.reward, result.done, result.success) == (0.5, True, False)


def test_an_episode_depends_on_its_seed_alone(web: MiniWoB) -> None:
    first, other, again = (web.reset(Task("click-link", seed)) for seed in (1, 2, 1))
    assert first == again
    assert first != other


def test_a_slow_agent_is_in_time(web: MiniWoB) -> None:
    web.reset(Task("click-test", 1))
    for _ in range(11):
        assert not web.step("click [3] div #area").done
    assert take(web, 'click button "Click Me!"').success


def test_typing_replaces_what_is_in_the_field(web: MiniWoB) -> None:
    web.reset(Task("enter-text", 1))
    assert '[5] textbox #tt value="one" focused' in web.step('type [5] "one"').observation
    assert '[5] textbox #tt value="two" focused' in web.step('type [5] textbox #tt "two"').observation
    assert '[5] textbox #tt value="t" focused' in web.step("press [5] Backspace x2").observation
    assert '[6] button #subbtn "Submit" focused' in web.step("press [5] textbox #tt Tab").observation


def test_nonsense_is_answered_and_counts_as_a_step() -> None:
    needs_browser()
    web = MiniWoB(step_limit=2)
    try:
        start = web.reset(Task("click-test"))
        result = web.step("fly away")
        assert result.observation == f"'fly away' is nothing that can be done here.\n\n{start.observation}"
        assert not result.done
        result = web.step("click [3]")
        assert (result.done, result.success) == (True, False)
    finally:
        web.close()


def test_no_such_task_no_episode_no_browser(tmp_path: Path) -> None:
    needs_browser()
    web = MiniWoB(chromium=str(tmp_path / "no-browser"))
    with pytest.raises(UnknownTask, match=re.escape("no task '../core/core'")):
        web.reset(Task("../core/core"))
    with pytest.raises(NoEpisode, match="call reset first"):
        web.step("click [1]")
    with pytest.raises(MissingEnvironment, match="no-browser"):
        web.reset(Task("click-test"))
    assert web.admissible_actions() == ()
    web.close()


def test_every_page_of_the_package_is_a_task(web: MiniWoB) -> None:
    assert {"click-test", "email-inbox", "use-spinner"} < set(web.task_names())
    assert pages().is_dir()
