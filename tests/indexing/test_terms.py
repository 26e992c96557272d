from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.terms import MAX_TERM_LENGTH, MAX_TERMS, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" -- \n", []),
        ("SELECT a FROM users_2 WHERE id = 12", ["select", "a", "from", "users", "2", "where", "id", "12"]),
        ("https://x.org/a?b=c", ["https", "x", "org", "a", "b", "c"]),
        ("getURL utf8Decode ABC", ["geturl", "get", "url", "utf8decode", "utf8", "decode", "abc"]),
        ("東京 タワー 한국", list("東京タワー한국")),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("Cafe\u0301 ＡＢＣ", ["café", "abc"]),
        ("x" * 100, ["x" * MAX_TERM_LENGTH]),
    ],
)
def test_terms_of(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_a_long_text_gives_its_beginning() -> None:
    assert terms("a b " * MAX_TERMS) == ["a", "b"] * (MAX_TERMS // 2)
    assert len(terms("ü " + "aB " * MAX_TERMS)) == MAX_TERMS


@given(st.text())
def test_terms_are_short_lower_and_without_space(text: str) -> None:
    for term in terms(text):
        assert 0 < len(term) <= MAX_TERM_LENGTH
        assert not any(character.isspace() for character in term)


@given(st.text(st.characters(max_codepoint=127)))
def test_terms_are_their_own_terms(text: str) -> None:
    assert terms(" ".join(terms(text))) == terms(text)


@given(st.text(), st.text())
def test_lines_have_terms_of_their_own(one: str, other: str) -> None:
    assert terms(f"{one}\n{other}") == terms(one) + terms(other)
