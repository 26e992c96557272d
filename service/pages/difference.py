"""What differs between the observation of a demonstration's step and what the agent sees now.

Line by line, and word by word within lines that were changed. `difflib` may take very long for texts of few
different lines: what a comparison could cost at the most is reckoned first, and beyond a bound none is made.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["same", "there", "now"]

LONGEST = 100_000
"""Characters of both texts together that are compared."""

LINE = 2_000
"""Characters of one line that are shown."""

EFFORT = 40_000_000
"""Steps that one page's comparisons may take: a second, about."""

NEAR = 2
"""Equal lines shown around a difference; longer runs are folded."""

LIKE = 0.3
"""Lines less alike than this are shown as others, not as changed."""

_WORDS = re.compile(r"\s*(?:\w+|[^\w\s])|\s+$")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of a line; `changed` where the other side has something else."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line: on both sides, only there (in the demonstration), or only now (before the agent)."""

    side: Side
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring rows; `folded` where they are equal and far from any difference."""

    rows: tuple[Row, ...]
    folded: bool = False


class Comparer:
    """Compares texts with the present one until what it may spend is spent."""

    def __init__(self, now: str, effort: int = EFFORT) -> None:
        self._now = now
        self._left = effort

    def blocks(self, there: str) -> list[Block] | None:
        """How `there` differs; None where they have nothing in common, or it is too much to compare."""
        if len(there) + len(self._now) > LONGEST:
            return None
        before, after = there.split("\n"), self._now.split("\n")
        steps = self._opcodes(before, after)
        rows = [] if steps is None else list(self._rows(before, after, steps))
        return list(_folded(rows)) if any(map(_is_shared, rows)) else None

    def _opcodes(self, a: Sequence[str], b: Sequence[str]) -> list[tuple[str, int, int, int, int]] | None:
        """As difflib tells them; the ends that are equal cost nothing."""
        head = _alike(a, b)
        tail = _alike(a[head:][::-1], b[head:][::-1])
        middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
        cost = _cost(middle_a, middle_b)
        if cost > self._left:
            return None
        self._left -= cost
        found = SequenceMatcher(None, middle_a, middle_b, autojunk=False).get_opcodes()
        moved = [(tag, i + head, j + head, k + head, m + head) for tag, i, j, k, m in found]
        ends = len(a) - tail, len(b) - tail
        return [
            *([("equal", 0, head, 0, head)] if head else []),
            *moved,
            *([("equal", ends[0], len(a), ends[1], len(b))] if tail else []),
        ]

    def _rows(
        self, before: Sequence[str], after: Sequence[str], steps: list[tuple[str, int, int, int, int]]
    ) -> Iterator[Row]:
        for tag, first, last, start, end in steps:
            if tag == "equal":
                yield from (Row("same", (_piece(text),)) for text in before[first:last])
                continue
            paired = min(last - first, end - start)
            for old, new in zip(before[first : first + paired], after[start : start + paired], strict=True):
                yield from self._changed(old, new)
            yield from (Row("there", (_piece(text),)) for text in before[first + paired : last])
            yield from (Row("now", (_piece(text),)) for text in after[start + paired : end])

    def _changed(self, old: str, new: str) -> Iterator[Row]:
        """A line and what stands in its place, their different words marked if they have much in common."""
        short = len(old) <= LINE and len(new) <= LINE
        a, b = (_WORDS.findall(old), _WORDS.findall(new)) if short else ([], [])
        steps = self._opcodes(a, b) if a and b else None
        shared = sum(last - first for tag, first, last, _, _ in steps or () if tag == "equal")
        if steps is None or 2 * shared < LIKE * (len(a) + len(b)):
            yield Row("there", (_piece(old),))
            yield Row("now", (_piece(new),))
            return
        yield Row("there", _pieces(("".join(a[i:j]), tag != "equal") for tag, i, j, _, _ in steps))
        yield Row("now", _pieces(("".join(b[k:m]), tag != "equal") for tag, _, _, k, m in steps))


def _piece(text: str) -> Piece:
    return Piece(text if len(text) <= LINE else f"{text[:LINE]}… ({len(text) - LINE:,} more)")


def _pieces(parts: Iterable[tuple[str, bool]]) -> tuple[Piece, ...]:
    """The parts of a line; the space before a changed word isn't changed itself."""
    found = []
    for text, changed in parts:
        word = text.lstrip() if changed else ""
        found += [Piece(text[: len(text) - len(word)]), Piece(word, changed=True)]
    return tuple(piece for piece in found if piece.text)


def _alike(a: Sequence[str], b: Sequence[str]) -> int:
    """How many at the beginning are equal."""
    count = 0
    for one, other in zip(a, b, strict=False):
        if one != other:
            break
        count += 1
    return count


def _cost(a: Sequence[str], b: Sequence[str]) -> int:
    """What difflib does at the most: a search for each match, each through all equal pairs."""
    mine, theirs = Counter(a), Counter(b)
    pairs = sum(count * theirs[item] for item, count in mine.items())
    return len(a) + len(b) + pairs * min(sum((mine & theirs).values()) + 1, len(a), len(b))


def _is_shared(row: Row) -> bool:
    """Whether some of a line, more than nothing, is on both sides."""
    return any(piece.text.strip() and not piece.changed for piece in row.pieces) and (
        row.side == "same" or len(row.pieces) > 1
    )


def _folded(listed: Sequence[Row]) -> Iterator[Block]:
    """Rows in blocks, long runs of equal ones folded but for those next to a difference."""
    near = [False] * len(listed)
    for place, row in enumerate(listed):
        if row.side != "same":
            for other in range(max(0, place - NEAR), min(len(listed), place + NEAR + 1)):
                near[other] = True
    start = 0
    for place in range(1, len(listed) + 1):
        if place == len(listed) or near[place] != near[start]:
            run = tuple(listed[start:place])
            yield Block(run, folded=not near[start] and len(run) > NEAR)
            start = place
