from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.unicode import MAX_MARKS, composed


@given(st.text())
def test_it_is_the_standard_library_s_form(text: str) -> None:
    assert composed(text) == unicodedata.normalize("NFC", text)
    assert composed(text, "NFKC") == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize("marks", ["\u0301", "\u0301\u0316"])
def test_a_flood_of_marks_is_cut(marks: str) -> None:
    once = composed("x" + marks * 500_000)
    assert len(once) <= 1 + MAX_MARKS
    assert composed(once) == once


def test_symbols_in_a_row_stay() -> None:
    assert composed("─" * 500) == "─" * 500
