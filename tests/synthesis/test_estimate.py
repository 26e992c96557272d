"""What is said before a run, against what the run then takes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import from_json

from indexing.records import Document
from synthesis.budget import Price
from synthesis.committee import CRITERIA
from synthesis.estimate import estimate
from synthesis.exploration import SYSTEM as SCORING
from synthesis.plan import REPLAY, Plan
from synthesis.scripted import RuleSummariser
from tests.environments.household import write_games
from tests.synthesis.workshops import PLAN, TASKS, synthesize

COUNTS = ("rollouts", "steps", "spans", "examples")
TAUGHT = [Document("cups", "Cups", "Go to the chest, then to the shelf."), Document("idle", "Idle", "Walls.")]
VOTE = json.dumps({name: {"ok": True, "reason": ""} for name in CRITERIA})


class Worker(RuleSummariser):
    """Does all that a run asks for, walks to and fro, and counts its calls by what they are."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    async def complete(self, system: str, prompt: str, *, max_tokens: int, timeout_s: float) -> str:
        self.asked[" ".join(system.split()[:2])] += 1
        if system.startswith("You think up"):
            return json.dumps([f"Walk to place {number}, as {len(prompt)} says" for number in range(3)])
        if system.startswith("You read tutorials"):
            return json.dumps({"task": f"Walk as {len(prompt)} says", "steps": ["go to chest 1"]})
        if system.startswith("You act"):
            places = "chest 1", "shelf 1", "shelf 2", "sinkbasin 1"
            return f"go to {places[prompt.count('Action:') % 4]}"
        if system.startswith("You judge"):
            return VOTE
        if system == SCORING:
            return "3"
        return await super().complete(system, prompt, max_tokens=max_tokens, timeout_s=timeout_s)


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_games(tmp_path_factory.mktemp("games"))


def taken(folder: Path) -> dict[str, Any]:
    """What a run's own summary says."""
    found: dict[str, Any] = from_json((folder / "summary.json").read_bytes())
    return found


@pytest.mark.parametrize("spans", [None, 4])
@pytest.mark.parametrize(
    ("road", "documents", "tasks"),
    [("instruct", (), 2), ("instruct", TAUGHT, 2), ("tutorial", TAUGHT, 2), ("explore", (), 3)],
)
def test_the_counts_are_those_of_a_run_that_takes_every_step(
    tmp_path: Path, games: Path, road: Any, documents: Any, tasks: int, spans: int | None
) -> None:
    plan = replace(PLAN, road=road, tasks=TASKS[:tasks], step_limit=6, spans=spans)
    most, worker = estimate(plan, documents), Worker()
    synthesize(tmp_path, games, plan, documents, worker, policy="model", judge="own")
    made = taken(tmp_path)
    assert {name: made[name] for name in COUNTS} == {name: most[name] for name in COUNTS}
    rollouts, examples = made["rollouts"], made["examples"]
    acting = worker.asked["You act"]
    assert acting <= (0 if road == "explore" else made["steps"])
    assert (acting > 0) == (road != "explore")
    unsuccessful = 0 if road == "explore" else rollouts
    writing = worker.asked["You think"] + worker.asked["You read"]
    assert writing == most["passages"] == len(documents)
    assert most["calls"] == writing + (road != "explore") * made["steps"] + 2 * examples + unsuccessful
    assert made["spent"]["calls"] <= most["calls"]
    assert made["spent"]["tokens_in"] + made["spent"]["tokens_out"] <= most["tokens"]


def test_a_scripted_run_asks_for_its_instructions_alone(tmp_path: Path, games: Path) -> None:
    plan = replace(PLAN, judges=REPLAY, step_limit=20, constructions=("summary",))
    most = estimate(plan, ())
    synthesize(tmp_path, games, plan)
    made = taken(tmp_path)
    assert made["spent"]["calls"] + made["spent"]["cached"] == made["spans"]
    assert most["calls"] == most["examples"] >= made["spans"]


def test_the_cost_is_by_the_prices_of_the_roles() -> None:
    plan = Plan("p", "e", TASKS[:1], step_limit=10, spans=1, originals=False, judges=("judge", "judge-2"))
    prices = {"act": Price(1e5, 0), "construct": Price(0, 0), "judge": Price(0, 1e4), "judge-2": Price(0, 0)}
    assert "cost" not in estimate(plan, ())
    cost = estimate(plan, (), prices)["cost"]
    assert cost == pytest.approx(10 * 2_400 / 10 + 2 * 1_024 / 100)
