"""The part of a long document that speaks of what is asked."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from indexing.records import Document
from indexing.terms import terms
from indexing.tokens import tokenizer
from retrievers.passages import paragraphs, passage
from retrievers.requests import Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Situation
from tests.support.collections import NAME, open_library

count = tokenizer("words").count

LONG = "\n\n".join(
    [f"Paragraph {number} is about apples and how they fall." for number in range(60)]
    + ["To renew a passport, fill in form seven and bring a photograph."]
    + [f"Paragraph {number} is about pears and who eats them." for number in range(60)]
)


def test_the_passage_is_where_the_words_are() -> None:
    found = passage(LONG, terms("renew my passport"), 40, count)
    assert "form seven" in found
    assert found in LONG
    assert count([found])[0] <= 40


@given(st.text(max_size=400), st.text(max_size=30), st.integers(0, 60))
def test_a_passage_is_of_the_text_and_within_its_budget(text: str, query: str, budget: int) -> None:
    found = passage(text, terms(query), budget, count)
    assert count([found])[0] <= budget
    assert set(paragraphs(found)) <= set(paragraphs(text)) | set(text.splitlines())


def test_a_document_that_no_prompt_could_hold_is_cut_to_its_passage(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        library.create(NAME, {"embedder": "hashing-64"})
        short = Document("short", "Photographs", "A passport needs a photograph.")
        done = library.upsert(NAME, "document", [Document("long", "Rules", LONG), short])
        library.wait(NAME, done.sequence)
        asked = Request(Situation("Renew my passport"), "documents", limits=Limits(tokens=200), render=True)
        live = library.live(NAME)
        answer = retrieve(live.snapshot, live.builder.lane, asked)
    long, other = sorted(answer.documents, key=lambda one: one.id)
    assert (long.truncated, other.truncated, other.text) == (True, False, short.text)
    assert "form seven" in long.text
    assert answer.tokens == live.snapshot.analyzer.tokenizer.count([answer.prompt or ""])[0] <= 200
