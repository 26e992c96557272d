"""The other roads to trajectories: tutorials that guide, and exploring first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from indexing.lines import Lines
from indexing.records import Document
from retrievers.language_model import ScriptedModel
from synthesis.errors import Unreadable
from synthesis.exploration import read_score
from synthesis.rollouts import Rollout
from synthesis.scripted import RuleSummariser
from synthesis.tutorials import Tutorial, read_tutorial
from tests.environments.household import write_games
from tests.synthesis.workshops import PLAN, TASKS, synthesize

STEPS = ["go to shelf 1", "take cup 1 from shelf 1"]
TAUGHT = Document("cups", "Cups", "To fetch a cup go to the shelf, then take the cup.")
IDLE = Document("walls", "Walls", "The walls are white.")


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_games(tmp_path_factory.mktemp("games"))


class Follower(RuleSummariser):
    """Finds the tutorial of TAUGHT, and when it acts does what the guidance in its prompt says."""

    async def complete(self, system: str, prompt: str, *, max_tokens: int, timeout_s: float) -> str:
        if "You read tutorials" in system:
            found = {"task": "Fetch a cup", "steps": STEPS} if "To fetch" in prompt else {"task": None}
            return json.dumps(found)
        if "You act in" in system:
            assert "A tutorial does this task so:" in prompt
            left = [step for step in STEPS if f"Action: {step}" not in prompt]
            return left[0] if left else "DONE"
        return await super().complete(system, prompt, max_tokens=max_tokens, timeout_s=timeout_s)


def test_a_tutorial_guides_who_acts(tmp_path: Path, games: Path) -> None:
    plan = replace(PLAN, road="tutorial", tasks=TASKS[:1])
    made = synthesize(tmp_path, games, plan, [TAUGHT, IDLE], Follower(), policy="model")
    (rollout,) = Lines(tmp_path / "rollouts.ndjson", Rollout.of).read()
    assert rollout.instruction == "Fetch a cup"
    assert list(rollout.actions) == STEPS
    assert rollout.documents == ("cups",)
    assert made.summary.spans == 3


def test_exploring_comes_first_and_tasks_are_named_afterwards(tmp_path: Path, games: Path) -> None:
    plan = replace(PLAN, road="explore", step_limit=6)
    made = synthesize(tmp_path / "first", games, plan)
    assert made.summary.rollouts == len(TASKS)
    assert "original" not in made.summary.by_construction
    assert made.summary.kept == 2 * 21 * len(TASKS)
    for rollout in Lines(tmp_path / "first" / "rollouts.ndjson", Rollout.of).read():
        assert len(set(rollout.actions)) > 3
    assert synthesize(tmp_path / "second", games, plan).pairs == made.pairs


def test_a_score_is_the_chance_to_be_kept(tmp_path: Path, games: Path) -> None:
    plan = replace(PLAN, road="explore", step_limit=6)
    kept = {}
    for score in (1, 3, 5):
        model = ScriptedModel(lambda *_, score=score: f"Score: {score}")
        kept[score] = synthesize(tmp_path / f"run-{score}", games, plan, voter=model)
    assert kept[5].summary.kept == kept[5].summary.examples
    assert 0 < kept[1].summary.kept < kept[3].summary.kept < kept[5].summary.kept
    assert kept[1].pairs.items() <= kept[3].pairs.items() <= kept[5].pairs.items()


@pytest.mark.parametrize("answer", ["good", "4 or 5", "7", "", "2.5"])
def test_what_is_no_score_is_unreadable(answer: str) -> None:
    with pytest.raises(Unreadable):
        read_score(answer)


def test_a_tutorial_is_read_from_a_fence_too() -> None:
    told = '```json\n{"task": "Boil  water", "steps": ["Fill", "Heat"]}\n```'
    assert read_tutorial(told) == Tutorial("Boil water", ("Fill", "Heat"))
    assert read_tutorial('{"task": null}') is None


@pytest.mark.parametrize(
    "answer",
    [
        "no",
        "[]",
        "{}",
        '{"task": "x"}',
        '{"task": "x", "steps": []}',
        '{"task": "", "steps": ["a"]}',
        '{"a": 1',
    ],
)
def test_what_is_no_tutorial_is_unreadable(answer: str) -> None:
    with pytest.raises(Unreadable):
        read_tutorial(answer)
