"""The plots of the report: from figures with intervals to marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.figures import LETTER, Dot, Figure, Label, Line, Mark, Scale, beside, log_ticks, spread, ticks
from evaluation.statistics import Estimate

OURS = "agentic"

WIDTH = 420.0
ROW = 24.0
TOP, BOTTOM = 22.0, 28.0
HEIGHT = 300.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a plot of intervals."""

    name: str
    role: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Point:
    """One measured pair: what it costs, and how good it is."""

    cost: float
    quality: Estimate


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one variant."""

    name: str
    role: str
    points: tuple[Point, ...]


def role(variant: str) -> str:
    """How a variant is drawn."""
    return "ours" if variant == OURS else variant if variant in ("instruction", "paper") else "other"


def intervals(title: str, bars: Sequence[Bar], bound: float | None = None, signed: bool = False) -> Figure:
    """Each row a dot on its interval; `bound` is what none can pass, `signed` marks zero."""
    labels = min(168.0, max(40.0, 7.4 * max(len(bar.name) for bar in bars) + 12))
    marked = ticks(
        min([0.0, *(bar.estimate.low for bar in bars)]),
        max([0.0, bound or 0.0, *(bar.estimate.high for bar in bars)]),
    )
    x = Scale(marked[0], marked[-1], labels, WIDTH - 52)
    end = TOP + ROW * len(bars)
    marks = _grid(x, marked, end, signed)
    if bound is not None:
        marks.append(Line(((x(bound), TOP - 4), (x(bound), end)), "bound"))
        marks.append(Label(min(x(bound), WIDTH - 100), TOP - 12, f"reachable {bound:.2f}", "bound", "middle"))
    for number, bar in enumerate(bars):
        y, one = TOP + ROW * (number + 0.5), bar.estimate
        says = f"{bar.name}: {_told(one, signed)}"
        marks.append(Label(labels - 12, y, _short(bar.name, labels - 12), bar.role, "end"))
        marks.append(Line(((x(one.low), y), (x(one.high), y)), bar.role))
        marks.append(Dot(x(one.value), y, bar.role, says))
        marks.append(Label(WIDTH - 4, y, _number(one.value, signed), bar.role, "end"))
    description = "; ".join(f"{bar.name} {_told(bar.estimate, signed)}" for bar in bars)
    return Figure(title, description, WIDTH, end + BOTTOM, tuple(marks))


def grouped(title: str, rows: Sequence[tuple[str, Sequence[Bar]]]) -> Figure:
    """Each row a few bars of the same variants under one another, which a legend names."""
    labels = min(168.0, max(40.0, 7.4 * max(len(name) for name, _ in rows) + 12))
    marked = ticks(0.0, max(bar.estimate.high for _, bars in rows for bar in bars))
    x = Scale(marked[0], marked[-1], labels, WIDTH - 20)
    height = 8 + 11.0 * max(len(bars) for _, bars in rows)
    end = TOP + height * len(rows)
    marks = _grid(x, marked, end)
    legend = {bar.name: bar.role for _, bars in rows for bar in bars}
    at = labels
    for name, drawn in legend.items():
        marks += [Dot(at + 5, 8, drawn, name), Label(at + 14, 8, name, drawn)]
        at += 34 + LETTER * len(name)
    for number, (name, bars) in enumerate(rows):
        middle = TOP + height * (number + 0.5)
        marks.append(Label(labels - 12, middle, _short(name, labels - 12), "other", "end"))
        for index, bar in enumerate(bars):
            y, one = middle + 11 * (index - (len(bars) - 1) / 2), bar.estimate
            marks.append(Line(((x(one.low), y), (x(one.high), y)), bar.role))
            marks.append(Dot(x(one.value), y, bar.role, f"{name}, {bar.name}: {_told(one)}"))
    described = (
        f"{name}: " + ", ".join(f"{bar.name} {_told(bar.estimate)}" for bar in bars) for name, bars in rows
    )
    return Figure(title, "; ".join(described), WIDTH, end + BOTTOM, tuple(marks))


def curves(title: str, unit: str, series: Sequence[Series]) -> Figure:
    """Quality against a cost on a logarithmic axis, a line for each variant, named at its end."""
    left, right = 34.0, WIDTH - 8 - LETTER * max(len(one.name) for one in series)
    x, y, marks = _axes(unit, series, left, right - 10)
    ends = spread([y(one.points[-1].quality.value) for one in series], TOP, HEIGHT - BOTTOM - 8)
    placed = sorted(zip(series, ends, strict=True), key=lambda pair: pair[0].role != "other")
    for one, end in placed:
        places = tuple((x(point.cost), y(point.quality.value)) for point in one.points)
        for (at, _), point in zip(places, one.points, strict=True):
            if one.role != "other":
                low, high = y(point.quality.low), y(point.quality.high)
                marks.append(Line(((at, low), (at, high)), f"{one.role} whisker"))
        marks.append(Line(places, f"{one.role} curve"))
        marks += [_dot(at, up, one, point, unit) for (at, up), point in zip(places, one.points, strict=True)]
        marks.append(Line((places[-1], (right - 3, end)), "leader"))
        marks.append(Label(right, end, one.name, one.role))
    return Figure(title, _described(series, unit), WIDTH, HEIGHT, tuple(marks))


def scatter(title: str, unit: str, series: Sequence[Series]) -> Figure:
    """Quality against a cost on a logarithmic axis, a dot for each variant."""
    x, y, marks = _axes(unit, series, 34.0, WIDTH - 20)
    dots = [(x(one.points[0].cost), y(one.points[0].quality.value), one) for one in series]
    for at, up, one in dots:
        quality = one.points[0].quality
        marks.append(Line(((at, y(quality.low)), (at, y(quality.high))), f"{one.role} whisker"))
        marks.append(_dot(at, up, one, one.points[0], unit))
    chosen = sorted(dots, key=lambda dot: dot[2].role == "other")
    marks += beside([(at, up, one.name, one.role) for at, up, one in chosen], WIDTH, HEIGHT - BOTTOM)
    return Figure(title, _described(series, unit), WIDTH, HEIGHT, tuple(marks))


def _grid(x: Scale, marked: Sequence[float], end: float, signed: bool = False) -> list[Mark]:
    marks: list[Mark] = []
    for tick in marked:
        role = "zero" if signed and tick == 0 else "grid"
        text = f"{tick:+g}" if signed and tick else f"{tick:g}"
        marks.append(Line(((x(tick), TOP), (x(tick), end)), role))
        marks.append(Label(x(tick), end + 14, text.replace("-", "−"), "axis", "middle"))
    return marks


def _axes(unit: str, series: Sequence[Series], left: float, right: float) -> tuple[Scale, Scale, list[Mark]]:
    points = [point for one in series for point in one.points]
    across = log_ticks(min(point.cost for point in points), max(point.cost for point in points))
    highest = max(point.quality.high for point in points)
    lowest = min(point.quality.low for point in points)
    up = ticks(max(0.0, min(lowest, highest - 0.1)), max(highest, 0.1))
    bottom = HEIGHT - BOTTOM - 8
    x = Scale(across[0], across[-1], left + 6, right, logarithmic=True)
    y = Scale(up[0], up[-1], bottom, TOP)
    marks: list[Mark] = []
    for tick in up:
        marks.append(Line(((left, y(tick)), (right, y(tick))), "grid"))
        marks.append(Label(left - 6, y(tick), f"{tick:g}", "axis", "end"))
    for tick in across:
        marks.append(Line(((x(tick), bottom), (x(tick), bottom + 4)), "tick"))
        marks.append(
            Label(x(tick), bottom + 13, f"{tick:,g}" if tick < 1e5 else f"{tick:.0e}", "axis", "middle")
        )
    marks.append(Label(right, HEIGHT - 6, unit, "axis", "end"))
    return x, y, marks


def _dot(x: float, y: float, one: Series, point: Point, unit: str) -> Dot:
    return Dot(x, y, one.role, f"{one.name}: {_told(point.quality)} at {_amount(point.cost)} {unit}")


def _described(series: Sequence[Series], unit: str) -> str:
    return "; ".join(
        f"{one.name}: "
        + ", ".join(f"{point.quality.value:.2f} at {_amount(point.cost)} {unit}" for point in one.points)
        for one in series
    )


def _amount(cost: float) -> str:
    return f"{cost:,.0f}" if cost >= 100 else f"{cost:.3g}"


def _told(one: Estimate, signed: bool = False) -> str:
    return f"{_number(one.value, signed)} ({_number(one.low, signed)} to {_number(one.high, signed)})"


def _number(value: float, signed: bool) -> str:
    return format(value, "+.2f" if signed else ".2f").replace("-", "−")


def _short(text: str, width: float) -> str:
    most = int(width / LETTER)
    return text if len(text) <= most else f"{text[: most - 1]}…"
