"""Rows of comparisons that never took place, as like to real ones as tests need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random

from evaluation.results import Row

SKILL = {
    "agentic": 0.62,
    "agentic-default": 0.55,
    "agentic-once": 0.46,
    "instruction": 0.43,
    "observation": 0.42,
    "observation-normalized": 0.35,
    "model": 0.44,
    "paper": 0.42,
    "prior": 0.25,
    "random": 0.16,
}
"""How likely a variant's first demonstration is right."""

FAMILIES = ("book a room", "cancel a booking", "move a meeting")


def row(episode: str = "e1", step: int = 0, variant: str = "agentic", **fields: object) -> Row:
    """A row with whatever matters; the rest is anything."""
    given: dict[str, object] = {
        "collection": "rooms",
        "family": FAMILIES[0],
        "episode": episode,
        "step": step,
        "variant": variant,
        "budget": None,
        "shown": 10,
        "slot": 1,
        "template": 1,
        "exact": None,
        "reachable": True,
        "tokens": 900,
        "ms": 4.0,
    }
    return Row(**(given | fields))  # type: ignore[arg-type]


def rows(
    collections: Iterable[str] = ("rooms",),
    skill: Mapping[str, float] = SKILL,
    budgets: Iterable[int] = (500, 1_000),
    episodes: int = 12,
    steps: int = 4,
) -> Iterator[Row]:
    """Episodes that are easy or hard for all variants alike, the same on every call."""
    for collection in collections:
        random = Random(collection)
        for number in range(episodes):
            ease = random.uniform(-0.3, 0.3)
            for step in range(steps):
                reachable = random.random() < 0.9
                for variant, likely in skill.items():
                    for budget in (None, *budgets):
                        yield _answer(
                            random,
                            ease + likely,
                            row(
                                f"e{number:03}",
                                step,
                                variant,
                                collection=collection,
                                family=FAMILIES[number % 3],
                                budget=budget,
                                reachable=reachable,
                            ),
                        )


def _answer(random: Random, likely: float, asked: Row) -> Row:
    shown = 10 if asked.budget is None else max(1, min(10, asked.budget // (100 if likely > 0.5 else 300)))
    right = [rank for rank in range(1, shown + 1) if random.random() < likely / rank**0.7]
    slot = right[0] if right and asked.reachable else None
    return row(
        asked.episode,
        asked.step,
        asked.variant,
        collection=asked.collection,
        family=asked.family,
        budget=asked.budget,
        reachable=asked.reachable,
        shown=shown,
        slot=slot,
        template=slot and max(1, slot - 1),
        exact=slot if slot and random.random() < 0.5 else None,
        tokens=min(asked.budget or 4_000, shown * random.randint(80, 240)),
        ms=random.lognormvariate(1 + likely * 2, 0.4),
    )
