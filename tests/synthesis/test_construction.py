from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from indexing.errors import InvalidInput
from indexing.parsing import parse_line
from indexing.records import Step, Trajectory, to_bytes
from retrievers.language_model import ModelUnavailable, ScriptedModel
from synthesis.construction import (
    PROMPT_VERSION,
    QUESTIONS,
    Construction,
    Pair,
    construct,
    original,
    read_abstraction,
    read_summary,
)
from synthesis.errors import BudgetSpent, CallFailed, Unreadable
from synthesis.prompts import told_in
from synthesis.spans import Span
from tests.synthesis.tellers import asking, errand


def constructed(
    folder: Path, model: ScriptedModel, kind: Construction = "abstraction", most: int | None = None
) -> Pair:
    async def ask() -> Pair:
        async with asking(folder, {"construct": model}, most) as calls:
            return await construct(calls, errand(success=False), Span(1, 3), kind, model.name)

    return asyncio.run(ask())


def test_a_pair_is_the_span_with_its_instruction_and_where_both_come_from(tmp_path: Path) -> None:
    pair = constructed(tmp_path, ScriptedModel(["Walk from door 1 to door 3."], "namer"))
    assert pair == Trajectory(
        id="corridor/7/1-3/abstraction",
        instruction="Walk from door 1 to door 3.",
        steps=(
            Step("A corridor.\nYou stand at door 1.", "go to door 2"),
            Step("A corridor.\nYou stand at door 2.", "go to door 3"),
        ),
        final_observation="A corridor.\nYou stand at door 3.",
        source={
            "kind": "synthesized",
            "construction": "abstraction",
            "rollout": "corridor/7",
            "span": [1, 3],
            "documents": ["doc-1", "doc-2"],
            "instruction": "Go to the last door",
        },
        outcome=None,
        metadata={
            "model": "walker",
            "prompt_version": PROMPT_VERSION,
            "constructed_by": "namer",
            "task": "corridor",
            "variation": 7,
            "length": "short",
        },
    )
    assert parse_line(to_bytes(pair), Trajectory) == pair


def test_the_prompt_tells_the_span_with_its_closing_observation_and_not_the_old_instruction(
    tmp_path: Path,
) -> None:
    model = ScriptedModel(["Replicate the following: walk."])
    constructed(tmp_path, model, "summary")
    (prompt,) = model.prompts
    told = told_in(prompt)
    assert list(told.observations.values()) == [f"A corridor.\nYou stand at door {at}." for at in (1, 2, 3)]
    assert list(told.actions.values()) == ["go to door 2", "go to door 3"]
    assert "Go to the last door" not in prompt
    assert prompt.endswith(QUESTIONS["summary"])


def test_the_original_is_a_pair_where_the_rollout_succeeded() -> None:
    pair = original(errand())
    assert pair is not None
    assert (pair.id, pair.instruction) == ("corridor/7/0-3/original", "Go to the last door")
    assert pair.outcome == {"success": True, "reward": 1.0}
    assert pair.source is not None
    assert pair.source["construction"] == "original"
    assert len(pair.steps) == 3
    assert original(errand(success=False)) is None
    assert original(errand(actions=0)) is None


def test_what_no_store_keeps_is_not_in_a_pair() -> None:
    broken = replace(errand(actions=1), observations=("bell \0", "half \ud83d"), actions=("say \0",))
    pair = original(broken)
    assert pair is not None
    assert pair.steps == (Step("bell  ", "say  "),)
    assert parse_line(to_bytes(pair), Trajectory) == pair


@pytest.mark.parametrize("span", [Span(2, 2), Span(2, 1), Span(-1, 2), Span(0, 4)])
def test_a_span_outside_the_rollout_is_refused(tmp_path: Path, span: Span) -> None:
    async def ask() -> Pair:
        async with asking(tmp_path, {"construct": ScriptedModel([])}) as calls:
            return await construct(calls, errand(), span, "summary")

    with pytest.raises(InvalidInput, match=r"no span .* in a rollout of 3 actions"):
        asyncio.run(ask())


def test_junk_is_asked_again_and_then_a_failure(tmp_path: Path) -> None:
    assert constructed(tmp_path / "a", ScriptedModel(["...", "Walk on."])).instruction == "Walk on."
    with pytest.raises(CallFailed) as failed:
        constructed(tmp_path / "b", ScriptedModel(["...", "one\ntwo"]))
    assert failed.value.kind == "unreadable"
    with pytest.raises(CallFailed) as failed:
        constructed(tmp_path / "c", ScriptedModel([ModelUnavailable("timeout", "too slow")]))
    assert failed.value.kind == "timeout"
    with pytest.raises(BudgetSpent):
        constructed(tmp_path / "d", ScriptedModel(["Walk on."]), most=0)


@pytest.mark.parametrize(
    "answer",
    [
        "Link the file to the table.",
        '"Link the file to the table."',
        "**Instruction:** Link the file to the table.",
        "**Task: Link the file to the table.**",
        "1. “Link the file to the table.”",
        "- `Link the file  to the table.`",
        "```text\nLink the file to the table.\n```",
        "<think>They linked it.\n\nSo:</think>\nSure, here it is:\n\nLink the file to the table.\n",
    ],
)
def test_an_abstraction_is_read_out_of_its_dress(answer: str) -> None:
    assert read_abstraction(answer) == "Link the file to the table."


@pytest.mark.parametrize(
    "text", ['"A" and "B" are renamed', "Delete all that matches *", "Don't", "'tis 5 o'clock"]
)
def test_what_belongs_to_an_abstraction_stays(text: str) -> None:
    assert read_abstraction(text) == text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "an instruction without words"),
        ("<think>hm</think> ...", "an instruction without words"),
        ("Open it.\nClose it.", "2 lines where one instruction was asked for"),
        ("x" * 601, "601 characters where 600 is the most"),
    ],
)
def test_what_is_no_abstraction_is_unreadable(answer: str, said: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        read_abstraction(answer)
    assert str(unreadable.value) == said


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ("Replicate the following: open it.", "Replicate the following: open it."),
        (
            "Sure.\n\n**Replicate the following:**\n1. open\n2. close",
            "Replicate the following: 1. open\n2. close",
        ),
        ("Here you are:\n1. open\n2. close", "Replicate the following: 1. open\n2. close"),
        ('Summary: "The door is opened."', "Replicate the following: The door is opened."),
    ],
)
def test_a_summary_begins_as_the_papers_do(answer: str, read: str) -> None:
    assert read_summary(answer) == read


@pytest.mark.parametrize(
    "answer", ["", "Replicate the following: ...", "Replicate the following:", "x" * 4_000]
)
def test_what_is_no_summary_is_unreadable(answer: str) -> None:
    with pytest.raises(Unreadable):
        read_summary(answer)
