"""What is shown of long work."""

from __future__ import annotations

import pytest

from service.commands.progress import Pace, duration
from service.commands.status import table
from service.sizes import readable


@pytest.mark.parametrize(
    ("stage", "done", "total", "said"),
    [
        ("loading", 12_000, None, "loading: 12,000 records, 1,200/s"),
        ("embedding", 3_000, 10_000, "embedding: 3,000 of 10,000 texts, 300/s, 23 s left"),
        ("asking rooms", 10, 30, "asking rooms: 10 of 30 steps, 1.0/s, 20 s left"),
        ("reading", 20, 20, "reading: 20 of 20 records, 2.0/s"),
        ("reading", 0, 20, "reading: 0 of 20 records"),
    ],
)
def test_a_stage_is_told_with_its_rate_and_the_time_left(
    stage: str, done: int, total: int | None, said: str
) -> None:
    assert Pace(stage, 0, 100.0).describe(done, total, 110.0) == said


def test_what_was_done_before_does_not_count_as_fast() -> None:
    assert Pace("embedding", 900, 0.0).describe(1_000, 1_100, 10.0).endswith("10/s, 10 s left")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5.4, "5 s"), (600, "10 min"), (9_000, "2.5 h"), (259_200, "3 d"), (86_400, "24.0 h")],
)
def test_durations_are_readable(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("size", "said"), [(0, "0 B"), (999, "999 B"), (3_100, "3.1 kB"), (5e9, "5.0 GB"), (2e13, "20.0 TB")]
)
def test_sizes_are_readable(size: float, said: str) -> None:
    assert readable(size) == said


def test_columns_are_aligned_without_trailing_space() -> None:
    assert table([("A", "B"), ("long", "x")]) == "A     B\nlong  x"
