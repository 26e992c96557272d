"""Figures as lists of marks, which the report's template draws as SVG in the reader's own colours.

A mark has a place, in pixels from the upper left, and a `role`, which the style sheet knows: `ours`,
`instruction`, `paper` or `other` for what belongs to a variant, `grid`, `axis` or `bound` for the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Anchor: TypeAlias = Literal["start", "middle", "end"]

LETTER = 6.6
"""About how wide a letter of a label is."""

LINE = 14.0
"""How far apart the labels of neighbours are at least."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points."""

    points: tuple[tuple[float, float], ...]
    role: str
    kind: Literal["line"] = "line"

    @property
    def path(self) -> str:
        """The points as the attribute of a polyline."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


@dataclass(frozen=True, slots=True)
class Dot:
    """A measured value; `says` is what it tells when pointed at."""

    x: float
    y: float
    role: str
    says: str
    kind: Literal["dot"] = "dot"


@dataclass(frozen=True, slots=True)
class Label:
    """A word or two; `y` is the middle of the line."""

    x: float
    y: float
    text: str
    role: str
    anchor: Anchor = "start"
    kind: Literal["label"] = "label"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """About the place it takes: left, top, right, bottom."""
        width = LETTER * len(self.text)
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return left, self.y - LINE / 2, left + width, self.y + LINE / 2


Mark: TypeAlias = Line | Dot | Label


@dataclass(frozen=True, slots=True)
class Figure:
    """One drawing with its name and, for those who don't see it, what it shows."""

    title: str
    description: str
    width: float
    height: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """From numbers to pixels, evenly or by their logarithm."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, number: float) -> float:
        low, high, at = self.low, self.high, min(max(number, self.low), self.high)
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(at)
        share = (at - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from `low` to `high` or just around it, at most about `most` of them.

    >>> ticks(0, 0.87)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    least = max(high - low, 1e-9) / (most - 1)
    magnitude = 10.0 ** math.floor(math.log10(least))
    step = next(one * magnitude for one in (1, 2, 5, 10) if one * magnitude >= least * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, max(last, first + 1) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each power of ten, from just below `low` to just above `high`; powers alone if many."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 1000 else (1,)
    found = [step * 10.0**exponent for exponent in exponents for step in steps]
    first = max((tick for tick in found if tick <= low), default=found[0])
    last = min((tick for tick in found if tick >= high), default=found[-1])
    return [tick for tick in found if first <= tick <= last]


def spread(wanted: Sequence[float], low: float, high: float, gap: float = LINE) -> list[float]:
    """The places nearest to the wanted ones that are `gap` apart and, where they fit, in `low` to `high`."""
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], index))
    blocks: list[tuple[float, int]] = []  # of neighbours that push each other: their mean, and how many
    for number, index in enumerate(order):
        mean, count = wanted[index] - number * gap, 1
        while blocks and blocks[-1][0] >= mean:
            before, many = blocks.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        blocks.append((mean, count))
    highest = max(low, high - gap * (len(order) - 1))
    means = [min(max(mean, low), highest) for mean, count in blocks for _ in range(count)]
    places = [0.0] * len(wanted)
    for number, (index, mean) in enumerate(zip(order, means, strict=True)):
        places[index] = mean + number * gap
    return places


def beside(dots: Sequence[tuple[float, float, str, str]], width: float, height: float) -> list[Label]:
    """Labels for dots `(x, y, text, role)`, each at the nearest free place; the first choose first."""
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y, _, _ in dots]
    labels = []
    for x, y, text, role in dots:
        for label in _places(x, y, text, role):
            left, top, right, bottom = label.box
            inside = left >= 0 and top >= 0 and right <= width and bottom <= height
            if inside and not any(
                left < r and right > l and top < b and bottom > t
                for l, t, r, b in taken  # noqa: E741
            ):
                labels.append(label)
                taken.append(label.box)
                break
    return labels


def _places(x: float, y: float, text: str, role: str) -> list[Label]:
    down = [0.0, *(sign * step for step in (6, 12, 18) for sign in (-1, 1))]
    near = [
        Label(x + side * 9, y + dy, text, role, "start" if side > 0 else "end")
        for dy in down[:3]
        for side in (1, -1)
    ]
    over = [Label(x, y + dy, text, role, "middle") for dy in (-14, 14)]
    far = [
        Label(x + side * 9, y + dy, text, role, "start" if side > 0 else "end")
        for dy in down[3:]
        for side in (1, -1)
    ]
    return near + over + far
