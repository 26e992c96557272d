from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.language_model import ModelUnavailable
from synthesis.construction import (
    CONSTRUCTIONS,
    Construction,
    Pair,
    construct,
    read_abstraction,
    read_summary,
)
from synthesis.prompts import Told
from synthesis.scripted import RuleSummariser, abstraction, summary
from synthesis.spans import Span, spans
from tests.synthesis.tellers import asking, errand

TEXTS = st.text(st.sampled_from('ab\n\t 1-|"'), max_size=900)


def pairs(folder: Path, actions: int) -> list[Pair]:
    async def ask() -> list[Pair]:
        async with asking(folder, {"construct": RuleSummariser()}) as calls:
            return [
                await construct(calls, errand(actions=actions), span, kind)
                for span in spans(actions)
                for kind in CONSTRUCTIONS
            ]

    return asyncio.run(ask())


def test_every_span_gets_both_kinds(tmp_path: Path) -> None:
    made = {pair.id: pair for pair in pairs(tmp_path, 3)}
    assert len(made) == 2 * 3 * 4 // 2
    assert made["corridor/7/0-2/abstraction"].instruction == "Do: go to door 1; go to door 2"
    assert made["corridor/7/1-3/summary"].instruction == (
        "Replicate the following: At first: A corridor. You stand at door 1.\n"
        "1. go to door 2 → You stand at door 2.\n"
        "2. go to door 3 → You stand at door 3."
    )


def test_a_long_span_is_shortened(tmp_path: Path) -> None:
    async def ask(kind: Construction) -> str:
        async with asking(tmp_path, {"construct": RuleSummariser()}) as calls:
            return (await construct(calls, errand(actions=90), Span(0, 90), kind)).instruction

    assert asyncio.run(ask("abstraction")) == (
        "Do: go to door 1; go to door 2; go to door 3; … (84 more); "
        "go to door 88; go to door 89; go to door 90"
    )
    assert "\n90. go to door 90 → " in asyncio.run(ask("summary"))


def test_it_answers_nothing_else() -> None:
    with pytest.raises(ModelUnavailable, match="only answers construction prompts"):
        asyncio.run(RuleSummariser().complete("", "Action 1:\n| go\nWhat now?", max_tokens=9, timeout_s=1))


@given(st.lists(TEXTS, min_size=1, max_size=50), st.data())
def test_what_it_writes_can_be_read(actions: list[str], data: st.DataObject) -> None:
    seen = data.draw(st.lists(TEXTS, min_size=len(actions) + 1, max_size=len(actions) + 1))
    told = Told(dict(enumerate(seen)), dict(enumerate(actions, 1)))
    assert read_abstraction(abstraction(told))
    assert read_summary(summary(told))
