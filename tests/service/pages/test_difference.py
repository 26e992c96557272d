"""What differs between two observations: whole, marked, and never too much work."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pages import difference
from service.pages.difference import Block, Comparer, Row

TEXTS = st.lists(
    st.sampled_from(["", "a wall", "a red wall", "a door, open", "a key", " "]), max_size=12
).map("\n".join)


def rows(blocks: Sequence[Block] | None) -> list[Row]:
    assert blocks is not None
    return [row for block in blocks for row in block.rows]


def text_of(row: Row) -> str:
    return "".join(piece.text for piece in row.pieces)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_from_it(there: str, now: str) -> None:
    blocks = Comparer(now).blocks(there)
    if blocks is None:
        assert there != now or not there.strip()
        return
    found = rows(blocks)
    assert "\n".join(text_of(row) for row in found if row.side != "now") == there
    assert "\n".join(text_of(row) for row in found if row.side != "there") == now


@given(TEXTS, TEXTS)
def test_what_is_folded_is_equal_and_stands_apart(there: str, now: str) -> None:
    blocks = Comparer(now).blocks(there) or []
    for before, after in pairwise(blocks):
        assert before.folded or after.folded or before.rows[-1].side == after.rows[0].side == "same"
    for block in blocks:
        assert not block.folded or all(row.side == "same" for row in block.rows)


def test_words_that_differ_are_marked() -> None:
    (there, now) = rows(Comparer("the thermometer says 13 degrees").blocks("the thermometer says 7 degrees"))
    assert [(piece.text, piece.changed) for piece in there.pieces] == [
        ("the thermometer says", False), (" ", False), ("7", True), (" degrees", False),
    ]  # fmt: skip
    assert "".join(piece.text for piece in now.pieces if piece.changed) == "13"


def test_lines_with_little_in_common_are_two_lines() -> None:
    found = rows(Comparer("a door\na blue key").blocks("a door\nnothing else, whatever happens"))
    assert [(row.side, len(row.pieces)) for row in found] == [("same", 1), ("there", 1), ("now", 1)]


def test_texts_with_nothing_in_common_are_not_compared() -> None:
    assert Comparer("a blue key\n").blocks("nothing else, whatever happens\n") is None


def test_long_equal_runs_are_folded_around_the_difference() -> None:
    lines = [f"line {number}" for number in range(100)]
    changed = [*lines[:50], "something else entirely", *lines[51:]]
    blocks = Comparer("\n".join(changed)).blocks("\n".join(lines))
    assert blocks is not None
    assert [(block.folded, len(block.rows)) for block in blocks] == [(True, 48), (False, 6), (True, 47)]


def test_ends_that_are_equal_cost_nothing() -> None:
    same = "\n".join(f"line {number}" for number in range(2_000))
    assert Comparer(f"{same}\none\n{same}", effort=10).blocks(f"{same}\ntwo\n{same}") is not None


def test_too_much_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    class Counted(SequenceMatcher[str]):
        def __init__(self, junk: Any, a: Sequence[str], b: Sequence[str], autojunk: bool) -> None:
            begun.append(len(a))
            super().__init__(junk, a, b, autojunk)

    monkeypatch.setattr(difference, "SequenceMatcher", Counted)
    worst = "\n".join("ab"[number % 3 % 2] for number in range(20_000))
    assert Comparer(f"b\n{worst}\na").blocks(f"a\n{worst[::-1]}\nb") is None
    assert Comparer("x" * difference.LONGEST).blocks("y") is None
    assert begun == []


def test_what_is_spent_on_one_is_missing_to_the_next() -> None:
    mixed = "\n".join("abcde"[number * number % 5] for number in range(90))
    comparer = Comparer(mixed, effort=600_000)
    found = [comparer.blocks("\n".join(mixed.split("\n")[::-1])) for _ in range(4)]
    assert found[0] is not None
    assert found[-1] is None


def test_a_huge_line_is_cut() -> None:
    (_, there, now) = rows(Comparer("a door\n" + "y" * 30_000).blocks("a door\n" + "x" * 40_000))
    assert text_of(there) == "x" * difference.LINE + "… (38,000 more)"
    assert len(text_of(now)) < 2_100
