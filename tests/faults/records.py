"""Records made up by chance, and situations that ask for them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from typing import Any

WORDS = "address amount basket button calendar cancel city date email field filter form help invoice item link menu name next order page password phone price profile save search select send settings table ticket time total user zone".split()  # noqa: E501, SIM905


def sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words))


def trajectory(chance: random.Random, id: str, version: int = 0) -> dict[str, Any]:
    """A trajectory in which the version can be read, so that every one sent differs."""
    steps = [
        {"observation": f"Page {sentence(chance, 12)}", "action": f"click [{chance.randrange(100)}]"}
        for _ in range(chance.randrange(1, 5))
    ]
    return {
        "id": id,
        "instruction": f"{sentence(chance, 5)} of {id}",
        "steps": steps,
        "metadata": {"version": version},
    }


def document(chance: random.Random, id: str, version: int = 0) -> dict[str, Any]:
    return {
        "id": id,
        "title": f"About {id}",
        "text": sentence(chance, 30),
        "metadata": {"version": version},
    }


def lines(records: Iterable[dict[str, Any]]) -> bytes:
    """NDJSON."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def stream(count: int, seed: int = 0) -> Iterator[bytes]:
    """Trajectories without end in sight, a line at a time."""
    chance = random.Random(seed)
    for number in range(count):
        yield lines([trajectory(chance, f"{seed}/{number:07}")])


STRATEGIES = ("agentic", "paper", "observation", "model", "instruction", "documents", "random")


def situations(collection: str, record: dict[str, Any]) -> list[dict[str, Any]]:
    """A request per strategy: an agent that stands where the record's last step was taken."""
    step = record["steps"][-1]
    return [
        {
            "collection": collection,
            "instruction": record["instruction"],
            "observation": step["observation"],
            "history": record["steps"][:-1],
            "strategy": strategy,
            "deadline_ms": 60_000,
            "render": "text",
        }
        for strategy in STRATEGIES
    ]
