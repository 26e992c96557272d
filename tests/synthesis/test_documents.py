"""Documents in passages, along their headings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.errors import InvalidInput
from indexing.formats import read
from indexing.records import Document
from synthesis.documents import Passage, split

GUIDE = """\
Before you begin, read this.

# Kitchen

What is cooked where.

## Stove

Turn it on and wait.

### Safety

Never leave it alone.

## Sink ##

Fill the kettle here.

# Garden

Water the plants at dawn.
"""


def guide(text: str = GUIDE) -> Document:
    return Document("guide.md", "A guide", text)


def told(text: str, most: int) -> list[tuple[tuple[str, ...], str]]:
    return [(passage.path, passage.text) for passage in split(guide(text), most)]


def test_a_document_that_fits_is_one_passage() -> None:
    assert split(guide(), 1000) == [Passage("guide.md", (), GUIDE.strip("\n"), "A guide")]


def test_a_blank_document_has_no_passage() -> None:
    assert split(guide(" \n\n\t\n"), 10) == []


def test_a_section_that_fits_stays_whole_and_neighbours_are_joined() -> None:
    passages = split(guide(), 150)
    assert [passage.path for passage in passages] == [(), ("Kitchen",), ("Garden",)]
    assert passages[1].text.startswith("# Kitchen\n")
    assert passages[1].text.endswith("Fill the kettle here.")
    assert {(passage.document, passage.title) for passage in passages} == {("guide.md", "A guide")}


def test_a_passage_names_the_headings_above_it() -> None:
    assert [path for path, _ in told(GUIDE, 40)] == [
        (),
        ("Kitchen",),
        ("Kitchen", "Stove"),
        ("Kitchen", "Stove", "Safety"),
        ("Kitchen", "Sink"),
        ("Garden",),
    ]


def test_sections_joined_without_their_parents_text_stand_under_the_parent() -> None:
    text = "# A\n\n## One\n\nfirst\n\n## Two\n\nsecond\n\n## Three\n\nthird third third"
    assert told(text, 36) == [
        (("A",), "## One\n\nfirst\n\n## Two\n\nsecond"),
        (("A", "Three"), "## Three\n\nthird third third"),
    ]


def test_headings_may_skip_levels() -> None:
    text = "# Top\n\n#### Deep\n\ndeep words\n\n## Middle\n\nmiddle words"
    assert [path for path, _ in told(text, 25)] == [("Top", "Deep"), ("Top", "Middle")]


def test_underlined_headings_count() -> None:
    text = "Tea\n===\n\nTo drink, hot.\n\nGreen\n-----\n\nTwo minutes."
    assert told(text, 26) == [
        (("Tea",), "Tea\n===\n\nTo drink, hot."),
        (("Tea", "Green"), "Green\n-----\n\nTwo minutes."),
    ]


def test_comments_in_code_are_no_headings() -> None:
    text = "# Shell\n\nUse it:\n\n```bash\n# not a heading\nls\n```\n\n# After\n\n" + "words " * 5
    assert [path for path, _ in told(text, 60)] == [("Shell",), ("After",)]


def test_code_on_one_line_opens_no_fence() -> None:
    text = "# One\n\n```ls```\n\n# Two\n\nwords words words"
    assert [path for path, _ in told(text, 26)] == [("One",), ("Two",)]


def test_a_language_keeps_its_sign() -> None:
    assert [path for path, _ in told("# About C#\n\nwords\n\n# On F# #\n\nwords", 20)] == [
        ("About C#",),
        ("On F#",),
    ]


def test_headings_with_nothing_under_them_are_left_out() -> None:
    assert told("# A\n\n## B\n\n# C\n\nsome words here", 22) == [(("C",), "# C\n\nsome words here")]


def test_text_without_headings_is_cut_at_paragraphs_lines_sentences_and_words() -> None:
    assert [text for _, text in told("one two.\n\nthree four.\n\nfive", 12)] == [
        "one two.",
        "three four.",
        "five",
    ]
    assert [text for _, text in told("one two\nthree four\nfive", 12)] == ["one two", "three four", "five"]
    assert [text for _, text in told("One two. Three four. Five.", 18)] == ["One two.", "Three four. Five."]
    assert [text for _, text in told("one two three", 8)] == ["one two", "three"]
    assert [text for _, text in told("abcdefgh", 3)] == ["abc", "def", "gh"]


def test_a_passage_has_room_for_a_character() -> None:
    with pytest.raises(InvalidInput, match="at least 1 character"):
        split(guide(), 0)


def test_pages_are_split_along_their_headings_too(tmp_path: Path) -> None:
    page = "<h1>Tea</h1><p>To drink.</p><h2>Green</h2><p>Two minutes.</p><h2>Black</h2><p>Four.</p>"
    (tmp_path / "tea.html").write_text(page)
    (document,) = read("documents", tmp_path)
    assert isinstance(document, Document)
    assert [passage.path for passage in split(document, 25)] == [("Tea",), ("Tea", "Green"), ("Tea", "Black")]


headings = st.tuples(st.integers(1, 6), st.sampled_from(["Tools", "Sink", "Left or right"]))
bodies = st.lists(st.text("abc .\n", max_size=40), max_size=3).map("\n\n".join)


@given(st.lists(st.tuples(headings, bodies), max_size=8), bodies, st.integers(1, 90))
def test_nothing_under_a_heading_is_lost(
    sections: list[tuple[tuple[int, str], str]], lead: str, most: int
) -> None:
    text = lead + "".join(f"\n{'#' * level} {name}\n\n{body}\n" for (level, name), body in sections)
    passages = split(guide(text), most)
    assert all(0 < len(passage.text) <= most for passage in passages)
    kept = [letter for passage in passages for letter in passage.text if letter in "abc"]
    assert kept == [
        letter for body in [lead, *(body for _, body in sections)] for letter in body if letter in "abc"
    ]


@given(st.text(max_size=300), st.integers(1, 60))
def test_any_text_is_split_into_what_fits(text: str, most: int) -> None:
    passages = split(guide(text), most)
    assert all(passage.text.strip() and len(passage.text) <= most for passage in passages)
