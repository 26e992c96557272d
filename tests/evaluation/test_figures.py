"""Where the marks of a figure stand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.figures import Dot, Label, Line, Scale, beside, log_ticks, spread, ticks
from evaluation.plots import Bar, Point, Series, curves, grouped, intervals, scatter
from evaluation.statistics import Estimate

PLACES = st.lists(st.floats(0, 300), max_size=20)
SHARES = (
    st.tuples(*[st.floats(0, 1)] * 3).map(sorted).map(lambda found: Estimate(found[1], found[0], found[2]))
)
BARS = st.lists(
    st.builds(Bar, st.text(max_size=30), st.sampled_from(["ours", "other"]), SHARES), min_size=1, max_size=8
)
POINTS = st.lists(st.builds(Point, st.floats(0.01, 1e5), SHARES), min_size=1, max_size=4).map(tuple)
SERIES = st.lists(
    st.builds(Series, st.text(max_size=20), st.sampled_from(["ours", "other"]), POINTS),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 0.87, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-0.03, 0.21, [-0.05, 0, 0.05, 0.1, 0.15, 0.2, 0.25]),
        (0, 0, [0, 2e-10]),
    ],
)
def test_ticks_are_round(low: float, high: float, found: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(found)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_ticks_go_round_what_they_measure(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = ticks(low, high)
    assert found[0] <= low + 1e-6
    assert found[-1] >= high - 1e-6
    assert 2 <= len(found) <= 9


@given(st.floats(0.01, 1e6), st.floats(1, 1e4))
def test_logarithmic_ticks_go_round_what_they_measure(low: float, times: float) -> None:
    found = log_ticks(low, low * times)
    assert found[0] <= low * (1 + 1e-9)
    assert found[-1] >= low * times * (1 - 1e-9)
    assert found == sorted(set(found))


def test_a_logarithmic_scale_keeps_ratios_apart_alike() -> None:
    x = Scale(1, 100, 0, 200, logarithmic=True)
    assert [x(1), x(10), x(100)] == pytest.approx([0, 100, 200])
    assert Scale(1, 1, 0, 200)(1) == 100


@given(PLACES)
def test_labels_are_spread_without_changing_their_order(wanted: list[float]) -> None:
    places = spread(wanted, 0, 300, 10)
    for (before, one), (after, other) in zip(
        order := sorted(zip(wanted, places, strict=True)), order[1:], strict=False
    ):
        assert before <= after
        assert other - one >= 10 - 1e-6
    if len(wanted) <= 30:
        assert all(-1e-6 <= place <= 300 + 1e-6 for place in places)


def test_labels_with_room_stay_where_they_are_and_neighbours_share_the_push() -> None:
    assert spread([50, 10, 100], 0, 300, 10) == [50, 10, 100]
    assert spread([50, 50], 0, 300, 10) == [45, 55]


@given(st.lists(st.tuples(st.floats(0, 400), st.floats(0, 250)), max_size=12))
def test_no_label_covers_another(places: list[tuple[float, float]]) -> None:
    labels = beside([(x, y, f"variant {number}", "other") for number, (x, y) in enumerate(places)], 420, 270)
    boxes = [label.box for label in labels]
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0
        assert right <= 420
        for other_left, other_top, other_right, other_bottom in boxes[:number]:
            apart = left >= other_right or other_left >= right or top >= other_bottom or other_top >= bottom
            assert apart


@given(BARS, st.none() | st.floats(0, 1), st.booleans())
def test_every_row_has_its_dot_within_the_figure(bars: list[Bar], bound: float | None, signed: bool) -> None:
    figure = intervals("hit@1", bars, bound, signed)
    dots = [mark for mark in figure.marks if isinstance(mark, Dot)]
    assert len(dots) == len(bars)
    for mark in figure.marks:
        for x, y in mark.points if isinstance(mark, Line) else [(mark.x, mark.y)]:
            assert 0 <= x <= figure.width
            assert 0 <= y <= figure.height
    assert all(bar.name in figure.description for bar in bars)


@given(SERIES)
def test_every_variant_is_named_at_the_end_of_its_curve(series: list[Series]) -> None:
    figure = curves("hit", "tokens", series)
    said = [mark.text for mark in figure.marks if isinstance(mark, Label)]
    assert all(one.name in said for one in series)
    assert sum(isinstance(mark, Dot) for mark in figure.marks) == sum(len(one.points) for one in series)


@given(SERIES)
def test_every_variant_has_its_dot(series: list[Series]) -> None:
    figure = scatter("hit", "ms", series)
    assert sum(isinstance(mark, Dot) for mark in figure.marks) == len(series)
    assert all(math.isfinite(mark.x + mark.y) for mark in figure.marks if isinstance(mark, Dot))


@given(BARS)
def test_groups_are_told_in_words_too(bars: list[Bar]) -> None:
    figure = grouped("hit@1", [("forms", bars), ("tables", bars[:1])])
    assert figure.description.startswith("forms: ")
    assert "; tables: " in figure.description
