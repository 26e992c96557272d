"""Keyboard events merged into text and keys."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.formats._miniwob_keys import BACKSPACE, COMPOSED, Key, Keyboard

SHIFT, CTRL, TAB, ENTER, PUNCTUATION = 16, 17, 9, 13, 222


def down(code: int, value: str = "") -> list[Key]:
    return [Key(0, "keydown", code, 0, value)]


def up(code: int, value: str = "") -> list[Key]:
    return [Key(0, "keyup", code, 0, value)]


def tap(key: str | int) -> list[Key]:
    """A key pressed and released; characters also send a keypress."""
    if isinstance(key, int):
        return down(key) + up(key)
    code = ord(key.upper()) if key.isalnum() or key == " " else PUNCTUATION
    return [*down(code), Key(0, "keypress", code, ord(key)), *up(code)]


def taps(*keys: str | int) -> list[Key]:
    return [event for key in keys for event in tap(key)]


def read(keys: Sequence[Key], keyboard: Keyboard | None = None, is_text: bool = True) -> list[str]:
    numbered = [Key(index, key.type, key.code, key.char, key.value) for index, key in enumerate(keys)]
    found = (keyboard or Keyboard()).strokes(numbered, is_text=is_text)
    return [f"{stroke.verb} {stroke.what}" for stroke in found]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (taps(*"hello you"), ['type "hello you"']),
        ([*down(SHIFT), *tap("C"), *up(SHIFT), *taps(*"at")], ['type "Cat"']),
        (taps(*"helo", BACKSPACE, *"lo"), ['type "hello"']),
        (taps("a", BACKSPACE), []),
        (taps("a", BACKSPACE, BACKSPACE, BACKSPACE, "b"), ["press Backspace x2", 'type "b"']),
        (taps("1", TAB), ['type "1"', "press Tab"]),
        (taps("a", ENTER, "b", ENTER), ['type "a"', "press Enter", 'type "b"', "press Enter"]),
        (taps(38, 38, 40, 112), ["press ArrowUp x2", "press ArrowDown", "press F1"]),
        ([*down(CTRL), *down(ord("V")), *up(ord("V")), *up(CTRL), *tap("x")], ["press Ctrl+V", 'type "x"']),
        (tap(SHIFT), []),
        (taps('"', "é"), ['type "\\"é"']),
        ([], []),
    ],
)
def test_keys_become_text_and_named_keys(keys: list[Key], expected: list[str]) -> None:
    assert read(keys) == expected


def test_space_is_a_key_where_nothing_is_written() -> None:
    assert read(tap(" "), is_text=False) == ["press Space"]
    assert read(tap(" ")) == ['type " "']


def test_a_stroke_begins_where_its_first_key_goes_down_as_a_character() -> None:
    keys = [Key(index, key.type, key.code, key.char) for index, key in enumerate(taps("a", TAB))]
    assert [stroke.first for stroke in Keyboard().strokes(keys, is_text=True)] == [1, 3]


def test_the_value_tells_what_an_input_method_hides() -> None:
    keys = [
        *down(COMPOSED, "old "),
        *up(COMPOSED, "old n"),
        *down(COMPOSED, "old n"),
        *up(COMPOSED, "old né"),
    ]
    assert read(keys) == ['type "né"']


def test_modifiers_stay_down_from_one_run_to_the_next() -> None:
    keyboard = Keyboard()
    assert keyboard.holding() == ""
    assert read(down(CTRL), keyboard) == []
    assert keyboard.holding() == "holding Ctrl"
    read(up(CTRL), keyboard)
    read(down(SHIFT), keyboard)
    assert keyboard.holding() == ""


@given(
    st.lists(st.sampled_from(["a", "B", "7", " ", "-", BACKSPACE]), max_size=30), st.text("xyz", max_size=5)
)
def test_strokes_leave_the_same_text_as_the_keys(keys: list[str | int], before: str) -> None:
    expected = list(before)
    for key in keys:
        if isinstance(key, str):
            expected.append(key)
        elif expected:
            expected.pop()
    written = before
    numbered = [Key(index, key.type, key.code, key.char) for index, key in enumerate(taps(*keys))]
    for stroke in Keyboard().strokes(numbered, is_text=True):
        written = written + stroke.typed if stroke.typed else written[: max(len(written) - stroke.times, 0)]
    assert written == "".join(expected)
