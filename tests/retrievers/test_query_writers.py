from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.records import Step
from retrievers.language_model import ScriptedModel
from retrievers.query_writers import (
    AgentWriter,
    ModelWriter,
    QueryWriter,
    TemplateWriter,
    Written,
    template_query,
)
from retrievers.query_writers.prompt import QUERY_CHARS, clean_answer, situation_prompt
from retrievers.query_writers.text import cut
from retrievers.situation import Query, Situation

SITUATION = Situation(
    "Change the time zone of my profile to UTC",
    (Step("Home\nProjects\nProfile", "click [Home]"), Step("Home", "click [Profile]")),
    "Profile\n  Language: English\n  Time zone: CET\n",
)
TEMPLATE = Query(template_query(SITUATION), "template")

texts = st.text(st.characters(), max_size=60)
steps = st.builds(Step, texts, texts)
situations = st.builds(
    Situation, st.none() | texts, st.lists(steps, max_size=8).map(tuple), st.none() | texts
)


def write(writer: QueryWriter, situation: Situation = SITUATION, seconds: float = 20) -> Written:
    return asyncio.run(writer.write(situation, time.monotonic() + seconds))


# The template and the agent's own


def test_the_template_holds_what_is_wanted_done_and_seen() -> None:
    assert TEMPLATE.text.split("\n") == [
        "Change the time zone of my profile to UTC",
        "click [Home]; click [Profile]",
        "Profile Language: English Time zone: CET",
    ]
    assert write(TemplateWriter()) == Written((TEMPLATE,))


@given(situations)
def test_the_template_is_short_and_one_line_for_each_part(situation: Situation) -> None:
    text = template_query(situation)
    assert len(text) <= 610
    assert len(text.split("\n")) <= 3
    assert text == "\n".join(" ".join(line.split()) for line in text.splitlines())
    text.encode()


def test_the_template_of_a_huge_page_keeps_its_beginning() -> None:
    text = template_query(Situation(observation="+------+\n| name |\n" + "word " * 100_000))
    assert text.startswith("+-+ | name | word word")
    assert len(text) <= 240


@pytest.mark.parametrize("writer", [TemplateWriter(), AgentWriter([]), ModelWriter(ScriptedModel([]))])
def test_a_situation_without_words_has_no_query(writer: QueryWriter) -> None:
    assert write(writer, Situation(observation=" \n")).queries == ()


def test_the_agents_queries_pass_as_they_came_each_once() -> None:
    written = write(AgentWriter(["time zone ", "", "time zone", "profile\nsettings"]))
    assert written == Written((Query("time zone", "agent"), Query("profile\nsettings", "agent")))


def test_blank_queries_of_the_agent_give_way_to_the_template() -> None:
    assert write(AgentWriter([" ", "\n"])) == Written((TEMPLATE,))


# What the model is told, and what it answers


@given(situations)
def test_the_prompt_fences_what_was_seen(situation: Situation) -> None:
    prompt = situation_prompt(situation)
    mark = prompt.split("\n", 1)[0]
    assert prompt.count(mark) == 2
    assert len(prompt) < 8_000
    prompt.encode()


def test_the_prompt_is_bounded_and_shows_the_latest_steps() -> None:
    history = tuple(Step("seen " * 1_000, f"act-{number} " + "x" * 1_000) for number in range(50))
    prompt = situation_prompt(Situation("task " * 10_000, history, "now " * 100_000))
    assert len(prompt) < 8_000
    assert "(45 earlier steps)" in prompt
    assert "act-44 " not in prompt
    assert "act-45 " in prompt


@pytest.mark.parametrize(
    ("answer", "query"),
    [
        ("how to change a time zone", "how to change a time zone"),
        ("\n\n  spaced \t out  \n more", "spaced out"),
        ('"quoted query"', "quoted query"),
        ("“typographic”", "typographic"),
        ("Query: change zone", "change zone"),
        ("**Search query:** `change zone`", "change zone"),
        ("- bullet query", "bullet query"),
        ("1. first\n2. second", "first"),
        ("```text\nQuery:\nchange zone\n```", "text"),
        ("```\nchange zone\n```", "change zone"),
        ("Here is a search query:\nchange zone", "change zone"),
        ("How to:", "How to:"),
        ("時間帯を変更する方法", "時間帯を変更する方法"),
        ("what is C++?", "what is C++?"),
        ("", None),
        ("?! … ---", None),
        ("abc\x00def", None),
        ("\x1b[31mred", None),
        ("lone \ud800 half", None),
        ("-" * 600 + "a", None),
        ("word " * 4_000, None),
    ],
)
def test_an_answer_is_undressed_or_found_to_be_nonsense(answer: str, query: str | None) -> None:
    assert clean_answer(answer) == query


@given(st.text(max_size=700) | st.text('ab :-*"`\n1.#', max_size=700))
def test_a_cleaned_answer_is_one_sound_line(answer: str) -> None:
    query = clean_answer(answer)
    if query is not None:
        assert 0 < len(query) <= QUERY_CHARS
        assert query.splitlines() == [query]
        assert any(map(str.isalnum, query))
        query.encode()


@given(st.text(max_size=80), st.integers(1, 80))
def test_cutting_keeps_a_beginning(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert text.startswith(short)
    assert len(short) <= limit
    assert short == text or len(text) > limit
