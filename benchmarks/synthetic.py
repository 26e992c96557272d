"""Trajectories made up here, for machines without the public data: seeded, so the same everywhere.

Words follow Zipf's law; pages come from templates and recur, most of them as they were before, some
with a clock or a counter changed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import accumulate, islice

from indexing.records import Step, Trajectory

VOCABULARY = 30_000
PAGES = 600
_SYLLABLES = [a + b for a in "bcdfghjklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]


class Words:
    """A made-up language: word n comes with a probability proportional to 1 / (n + 2)."""

    def __init__(self, seed: int, size: int = VOCABULARY) -> None:
        self.random = random.Random(seed)
        made = (_word(self.random, number) for number in range(size))
        self.vocabulary = list(made)
        self._weights = list(accumulate(1 / (number + 2) for number in range(size)))

    def some(self, count: int) -> list[str]:
        """So many words."""
        return self.random.choices(self.vocabulary, cum_weights=self._weights, k=count)

    def text(self, low: int, high: int) -> str:
        """A text of `low` to `high` words."""
        return " ".join(self.some(self.random.randint(low, high)))


def _word(source: random.Random, number: int) -> str:
    return "".join(source.choices(_SYLLABLES, k=1 + min(3, number.bit_length() // 5)))


def texts(seed: int, count: int, low: int = 8, high: int = 72) -> list[str]:
    """Texts of 40 words on average."""
    words = Words(seed)
    return [words.text(low, high) for _ in range(count)]


class _Page:
    """A page of the made-up application, with buttons that lead to others."""

    def __init__(self, words: Words, number: int) -> None:
        source = words.random
        self.title = " ".join(words.some(2)).title()
        self.body = words.text(10, 50)
        self.buttons = [" ".join(words.some(2)) for _ in range(source.randint(2, 5))]
        self.targets = [source.randrange(PAGES) for _ in self.buttons]
        self.volatile = number % 3 == 0

    def seen(self, source: random.Random) -> str:
        """The page as text, a clock on some."""
        clock = f"\nLast update {source.randrange(24):02}:{source.randrange(60):02}" if self.volatile else ""
        buttons = "\n".join(f"[{place}] button '{name}'" for place, name in enumerate(self.buttons))
        return f"{self.title}\n{self.body}{clock}\n{buttons}"


def trajectories(seed: int) -> Iterator[Trajectory]:
    """Walks over the pages of one application, each with an instruction of its own; without end."""
    words = Words(seed)
    source = words.random
    pages = [_Page(words, number) for number in range(PAGES)]
    number = 0
    while True:
        page = pages[min(int(source.paretovariate(0.6)) - 1, PAGES - 1)]
        steps = []
        for _ in range(source.randint(3, 14)):
            choice = source.randrange(len(page.buttons))
            seen = page.seen(source) if source.random() < 0.7 else f"{page.seen(source)}\n{words.text(3, 12)}"
            steps.append(Step(seen, f"click [{choice}] {page.buttons[choice]}"))
            page = pages[page.targets[choice]]
        instruction = f"Find {words.text(2, 4)} and {words.text(3, 8)}"
        yield Trajectory(f"made-{number:06}", instruction, tuple(steps), source={"kind": "synthesized"})
        number += 1


def some(seed: int, count: int) -> list[Trajectory]:
    """The first so many trajectories."""
    return list(islice(trajectories(seed), count))
