"""The browser behind MiniWoB++: the same words as its recorder's, no network, no endless wait."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dialects.miniwob import Node, page_text, phrase, quoted, walk
from environments.errors import Stalled
from environments.miniwob_browser import Look, Tab, pages
from indexing.formats import ImportReport, read
from indexing.records import Trajectory
from tests.environments.test_miniwob import needs_browser

pytestmark = pytest.mark.whole

Result = TypeVar("Result")

PAGE = """<!DOCTYPE html><body><button id="go">Go</button><script>
var WOB_DONE_GLOBAL = false, WOB_RAW_REWARD_GLOBAL = 0, told = "";
var core = {
  startEpisodeReal() { %s },
  getUtterance() { return told; },
  getDOMInfo() {
    core.previousDOMInfo = {1: document.getElementById("go")};
    return {tag: "BODY", ref: 0, children: [{tag: "BUTTON", ref: 1, children: []}]};
  },
};
Math.seedrandom = function () {};
</script></body>"""
"""The least that is a task page; `%s` is what starts its episode."""


class Driven:
    """A tab and the event loop it lives in."""

    def __init__(self, patience: float = 30) -> None:
        self.tab = Tab(patience=patience)
        self._runner = asyncio.Runner()

    def __call__(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(work)

    def close(self) -> None:
        with self._runner:
            self(self.tab.close())


@pytest.fixture
def driven() -> Iterator[Driven]:
    needs_browser()
    driven = Driven()
    yield driven
    driven.close()


def page_file(folder: Path, script: str) -> str:
    file = folder / "page.html"
    file.write_text(PAGE % script)
    return file.as_uri()


def recorded(driven: Driven, folder: Path, instruction: str) -> Trajectory:
    """What the page's own recorder holds by now, imported."""
    assert driven.tab.page is not None
    states = driven(driven.tab.page.evaluate("() => JSON.stringify(recorder.data.states)"))
    file = folder / "demonstration.json"
    file.write_text(json.dumps({"utterance": instruction, "states": json.loads(states), "rawReward": 1}))
    (trajectory,) = read("miniwob", file, ImportReport())
    assert isinstance(trajectory, Trajectory)
    return trajectory


def the(look: Look, tag: str) -> Node:
    (node,) = [node for node in walk(look.page) if node.tag == tag]
    return node


def test_the_importer_reads_a_live_episode_as_the_adapter_shows_it(driven: Driven, tmp_path: Path) -> None:
    start = driven(driven.tab.begin((pages() / "enter-text.html").as_uri() + "?record=true", 1))
    field = the(start, "INPUT_text")
    clicked = driven(driven.tab.click(field.ref))
    typed = driven(driven.tab.write(field.ref, 'A "b"'))
    tabbed = driven(driven.tab.press(field.ref, "Tab"))
    trajectory = recorded(driven, tmp_path, start.instruction)
    assert [(step.observation, step.action) for step in trajectory.steps] == [
        (page_text(start.page), phrase("click", field, start.page)),
        (page_text(clicked.page), phrase("type", field, clicked.page, quoted('A "b"'))),
        (page_text(typed.page), phrase("press", field, typed.page, "Tab")),
    ]
    assert trajectory.final_observation == page_text(tabbed.page)


def test_shapes_and_ticks_read_alike_too(driven: Driven, tmp_path: Path) -> None:
    for task, tag in (("identify-shape", "svg"), ("click-checkboxes", "DIV")):
        start = driven(driven.tab.begin((pages() / f"{task}.html").as_uri() + "?record=true", 1))
        node = next(node for node in walk(start.page) if node.tag == tag)
        after = driven(driven.tab.click(node.ref))
        trajectory = recorded(driven, tmp_path, start.instruction)
        assert trajectory.steps[0].observation == page_text(start.page)
        assert trajectory.final_observation == page_text(after.page)


def test_a_page_reaches_no_network(driven: Driven, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
        script = f"""
            new Image().src = "http://{host}/image";
            new WebSocket("ws://{host}/socket").onerror = () => {{ told += "no socket. "; }};
            fetch("http://{host}/").catch(() => {{ told += "no fetch. "; }});
        """
        look = driven(driven.tab.begin(page_file(tmp_path, script), 1))
        while len(look.instruction) < len("no socket. no fetch. "):
            look = driven(driven.tab.click(1))
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_page_that_hangs_is_given_up_and_the_next_one_plays(tmp_path: Path) -> None:
    needs_browser()
    driven = Driven(patience=4)
    try:
        with pytest.raises(Stalled, match="within 4 seconds"):
            driven(driven.tab.begin(page_file(tmp_path, "for (;;) {}"), 1))
        look = driven(driven.tab.begin(page_file(tmp_path, 'told = "Go.";'), 1))
        assert look.instruction == "Go."
    finally:
        driven.close()


def test_a_browser_that_dies_is_told_and_replaced(driven: Driven, tmp_path: Path) -> None:
    address = page_file(tmp_path, 'told = "Go.";')
    driven(driven.tab.begin(address, 1))
    assert driven.tab.page is not None
    with pytest.raises(Stalled, match="the browser failed, reset"):
        driven(driven.tab.begin("chrome://crash", 1))
    assert driven(driven.tab.begin(address, 1)).instruction == "Go."
