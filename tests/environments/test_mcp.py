from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.base import Task
from environments.errors import NoEpisode, Stalled, UnknownTask
from environments.mcp import MCP, ToolTask, block_text, signature, understood
from tests.contract.environment import EnvironmentContract

pytest.importorskip("mcp", reason="mcp isn't installed: the extra `environments` brings it")

SERVER = (sys.executable, str(Path(__file__).with_name("mcp_server.py")))
SHOP = ToolTask("shop", "Note that milk is needed.", checks={'read_note({"name": "shop"})': "milk"})
EMPTY = '{"result": []}'
ASK = ToolTask("ask", "What does the note a say?", answer="42")
WRITE = 'write_note({"name": "shop", "text": "milk"})'


class TestContract(EnvironmentContract):
    task = Task("shop")
    winning = ("names()", WRITE, "finish()")

    def make(self) -> MCP:
        return MCP(SERVER, [SHOP])


@pytest.fixture
def tools() -> Iterator[MCP]:
    tools = MCP(SERVER, [SHOP, ASK], shown=60)
    yield tools
    tools.close()


def test_tools_are_listed_called_and_answer(tools: MCP) -> None:
    start = tools.reset(Task("shop"))
    assert start.instruction == "Note that milk is needed."
    assert start.observation.splitlines()[:3] == [
        "Tools:",
        '- write_note({"name": string, "text": string, "mode"?: "new"|"append"}): Write, or add.',
        '- read_note({"name": string}): Read a note.',
    ]
    calls = [
        "names()",
        WRITE,
        '  write_note( {"name": "shop", "text": ", eggs",\n "mode": "append"} )  ',
        "names({})",
    ]
    assert [tools.step(call).observation for call in calls] == [
        EMPTY,
        "shop: milk",
        "shop: milk, eggs",
        "shop",
    ]
    much = tools.step('write_note({"name": "long", "text": "' + "x" * 500 + '"})').observation
    assert "(… left out …)" in much
    assert len(much) < 100


def test_what_fails_is_answered(tools: MCP) -> None:
    tools.reset(Task("shop"))
    for call in ("nothing()", 'read_note({"name": "none"})', "read_note()", 'read_note({"name": 3})'):
        result = tools.step(call)
        assert result.observation.startswith("Error")
        assert not result.done
    assert tools.step(WRITE).observation == "shop: milk"


def test_each_episode_has_a_server_of_its_own(tools: MCP) -> None:
    tools.reset(Task("shop"))
    tools.step(WRITE)
    tools.reset(Task("shop"))
    assert tools.step("names()").observation == EMPTY
    result = tools.step("finish()")
    assert (result.observation, result.reward, result.done, result.success) == ("Finished.", 0.0, True, False)
    with pytest.raises(NoEpisode):
        tools.step("names()")


@pytest.mark.parametrize(
    ("action", "success"),
    [('finish({"answer": " 42 "})', True), ('finish({"answer": 42})', True), ("finish()", False)],
)
def test_an_answer_is_compared(tools: MCP, action: str, success: bool) -> None:
    tools.reset(Task("ask"))
    assert tools.step(action).success is success


def test_who_never_finishes_is_judged_at_the_last_step() -> None:
    tools = MCP(SERVER, [SHOP], step_limit=1)
    tools.reset(Task("shop"))
    result = tools.step(WRITE)
    assert (result.observation, result.done, result.success) == ("shop: milk", True, True)


@pytest.mark.parametrize("action", ["leave()", 'sleep({"seconds": 60})'])
def test_a_server_that_ends_or_hangs_is_told_and_reset_mends(action: str) -> None:
    tools = MCP(SERVER, [SHOP], patience=3)
    tools.reset(Task("shop"))
    with pytest.raises(Stalled, match="reset"):
        tools.step(action)
    with pytest.raises(NoEpisode):
        tools.step("names()")
    tools.reset(Task("shop"))
    assert tools.step("names()").observation == EMPTY
    tools.close()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((sys.executable, "-c", "raise SystemExit('no key given')"), "no key given"),
        (("no-such-program",), "no-such-program"),
    ],
)
def test_a_server_that_does_not_start_is_told_with_what_it_said(command: tuple[str, ...], said: str) -> None:
    tools = MCP(command, [SHOP], patience=10)
    with pytest.raises(Stalled, match=said):
        tools.reset(Task("shop"))


def test_an_unknown_task_names_those_there_are(tools: MCP) -> None:
    with pytest.raises(UnknownTask, match="there are shop, ask"):
        tools.reset(Task("other"))


@pytest.mark.parametrize(
    ("action", "wrong"),
    [
        ("add", "This is no call"),
        ("add(1)", "no JSON object"),
        ("add({'a': 1})", "no JSON ("),
        ('add({"a": NaN})', "NaN is no number"),
        ('add({"a": "\\ud800"})', "no JSON ("),
        ("add(" + "[" * 100_000 + ")", "no JSON ("),
    ],
)
def test_what_is_no_call_is_told(action: str, wrong: str) -> None:
    told = understood(action)
    assert isinstance(told, str)
    assert wrong in told


@given(st.text())
def test_any_text_is_read(action: str) -> None:
    assert understood(action)


def test_signatures_and_results_in_words() -> None:
    tool = SimpleNamespace(
        name="t", description=None, input_schema={"properties": {"a": {"type": ["string", "null"]}, "b": {}}}
    )
    assert signature(tool) == '- t({"a"?: string|null, "b"?: any})'
    image = SimpleNamespace(type="image", mime_type="image/png")
    note = SimpleNamespace(type="resource", resource=SimpleNamespace(uri="note://a", text="milk"))
    blob = SimpleNamespace(type="resource", resource=SimpleNamespace(uri="note://b"))
    link = SimpleNamespace(type="resource_link", uri="note://c")
    assert [block_text(block) for block in (image, note, blob, link)] == [
        "[image image/png]",
        "milk",
        "[resource note://b]",
        "[resource note://c]",
    ]
