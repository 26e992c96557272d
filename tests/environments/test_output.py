from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from environments.output import LEFT_OUT, plain, shortened


def test_what_is_meant_for_a_terminal_is_left_out() -> None:
    assert plain("\x1b[1;31mred\x1b[0m\r\n\ttab\x00\ud800.") == "red\n\ttab."


@given(st.text(), st.integers(0, 20), st.booleans())
def test_begin_and_end_stay(text: str, most: int, left_out: bool) -> None:
    short = shortened(text, most, left_out)
    if len(text) <= most and not left_out:
        assert short == text
    else:
        begin, end = short.split(LEFT_OUT, 1) if LEFT_OUT not in text else (short[: most // 2], "")
        assert text.startswith(begin)
        assert text.endswith(end)
        assert len(short) <= most + len(LEFT_OUT)
