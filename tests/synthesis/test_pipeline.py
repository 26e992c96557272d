"""Whole runs of Algorithm 1, checked exactly, for what acts and writes in them is scripted."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic_core import from_json

from environments.alfworld import ALFWorld
from environments.base import StepResult
from environments.errors import Stalled
from indexing.errors import InvalidInput
from indexing.lines import Lines
from indexing.records import Document, Trajectory
from retrievers.language_model import ScriptedModel
from retrievers.requests import Limits
from retrievers.situation import Situation
from synthesis.construction import QUESTIONS
from synthesis.rollouts import Rollout
from synthesis.scripted import RuleSummariser
from tests.environments.household import write_games
from tests.support.retrieval import ask, make_lane
from tests.synthesis.workshops import PLAN, TASKS, Made, synthesize

DOCUMENTS = [
    Document("tidy", "Tidying", "# Cups\n\nPut cups in the chest."),
    Document("light", "Light", "Lamps."),
]


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_games(tmp_path_factory.mktemp("games"))


def rollouts(folder: Path) -> list[Rollout]:
    return Lines(folder / "rollouts.ndjson", Rollout.of).read()


def same(first: Made, second: Made) -> bool:
    return first.pairs == second.pairs and first.summary == second.summary


def test_every_span_of_every_rollout_becomes_a_pair_of_each_kind(tmp_path: Path, games: Path) -> None:
    made = synthesize(tmp_path, games)
    played = {rollout.id: rollout for rollout in rollouts(tmp_path)}
    assert len(played) == len(TASKS)
    spans = sum(n * (n + 1) // 2 for n in (len(rollout.actions) for rollout in played.values()))
    assert made.summary.spans == spans
    assert made.summary.kept == len(made.pairs) == 2 * spans + len(TASKS)
    assert made.summary.by_construction == {"abstraction": spans, "summary": spans, "original": len(TASKS)}
    assert not made.summary.rejected
    assert made.summary.stopped is None
    for pair in made.pairs.values():
        assert pair.source is not None
        rollout = played[pair.source["rollout"]]
        start, end = pair.source["span"]
        assert [step.action for step in pair.steps] == list(rollout.actions[start:end])
        assert [step.observation for step in pair.steps] == list(rollout.observations[start:end])
        assert pair.final_observation == rollout.observations[end]
        assert pair.source["kind"] == "synthesized"
    assert json.loads((tmp_path / "summary.json").read_bytes())["kept"] == made.summary.kept


def test_an_instruction_that_nobody_writes_is_counted_and_the_others_are_kept(
    tmp_path: Path, games: Path
) -> None:
    def script(system: str, prompt: str) -> Awaitable[str]:
        asked = prompt if prompt.endswith(QUESTIONS["summary"]) else "Action 1:\n| go"
        return RuleSummariser().complete(system, asked, max_tokens=512, timeout_s=1)

    made = synthesize(tmp_path, games, replace(PLAN, originals=False), model=ScriptedModel(script))
    spans = made.summary.spans
    assert made.summary.failed == {"construction: refused": spans}
    assert made.summary.by_construction == {"summary": spans}


def test_what_was_made_is_found_where_an_agent_stands(tmp_path: Path, games: Path) -> None:
    made = synthesize(tmp_path, games)
    (rollout,) = [one for one in rollouts(tmp_path) if one.task == TASKS[0].name]
    here = Situation("tidy up", (), rollout.observations[1])
    answer = ask(make_lane(tmp_path), list(made.pairs.values()), here, "agentic", Limits(total=3))
    assert answer.demonstrations[0].next_action == rollout.actions[1]


def test_tasks_come_from_documents_and_say_so(tmp_path: Path, games: Path) -> None:
    def answer(system: str, prompt: str) -> str:
        if "think up tasks" in system:
            topic = "the chest" if "Put cups" in prompt else "the lamp"
            everywhere = "Walk around the room" + "." * topic.count("lamp")
            return json.dumps([f"Put a cup near {topic}", f"Look closely at {topic}", everywhere])
        if "You act in" in system:
            return "DONE" if prompt.count("Action:") > 2 else "go to shelf 1"
        raise AssertionError(system)

    class Writer(RuleSummariser):
        async def complete(self, system: str, prompt: str, *, max_tokens: int, timeout_s: float) -> str:
            if "think up tasks" in system or "You act in" in system:
                return answer(system, prompt)
            return await super().complete(system, prompt, max_tokens=max_tokens, timeout_s=timeout_s)

    made = synthesize(tmp_path, games, replace(PLAN, each=3, alike=0.8), DOCUMENTS, Writer(), policy="model")
    assert made.summary.instructions == 5
    assert made.summary.rejected["near-duplicate instruction"] == 1
    found = rollouts(tmp_path)
    assert {rollout.documents for rollout in found} == {("tidy",), ("light",)}
    assert {rollout.instruction for rollout in found} >= {
        "Put a cup near the chest",
        "Look closely at the lamp",
    }
    assert {(pair.source or {})["documents"][0] for pair in made.pairs.values()} <= {"tidy", "light"}
    assert made.summary.rejected["near-duplicate"] > 0
    lines = [from_json(line) for line in (tmp_path / "rejected.ndjson").read_bytes().splitlines()]
    assert Counter(line["reason"] for line in lines) == made.summary.rejected
    assert [line["task"] for line in lines if line["task"]] == [
        {
            "instruction": "Walk around the room.",
            "document": "light",
            "like": "Walk around the room",
        }
    ]


def test_a_spent_budget_ends_the_run_in_good_order_and_it_goes_on_from_there(
    tmp_path: Path, games: Path
) -> None:
    whole = synthesize(tmp_path / "whole", games)
    asked = RuleSummariser()
    first = synthesize(tmp_path / "parts", games, model=asked, most=20)
    assert first.summary.stopped is not None
    assert "20 calls" in first.summary.stopped
    assert first.pairs.items() <= whole.pairs.items()
    rest = synthesize(tmp_path / "parts", games, model=asked)
    assert same(rest, whole)
    whole_cost, parts_cost = (
        json.loads((tmp_path / folder / "summary.json").read_bytes())["spent"]["calls"]
        for folder in ("whole", "parts")
    )
    assert 20 < parts_cost == whole_cost


def test_a_finished_run_asks_nothing_again(tmp_path: Path, games: Path) -> None:
    first = synthesize(tmp_path, games)
    assert same(synthesize(tmp_path, games, model=ScriptedModel([], "rule-summariser")), first)


def test_another_plan_in_the_same_folder_is_refused(tmp_path: Path, games: Path) -> None:
    synthesize(tmp_path, games)
    with pytest.raises(InvalidInput, match="other settings \\(each, spans\\)"):
        synthesize(tmp_path, games, replace(PLAN, each=1, spans=4))
    with pytest.raises(InvalidInput, match="other settings \\(demonstrations\\)"):
        synthesize(tmp_path, games, replace(PLAN, demonstrations="others"))


def test_a_plan_of_before_a_setting_was_there_goes_on(tmp_path: Path, games: Path) -> None:
    first = synthesize(tmp_path, games)
    plan = json.loads((tmp_path / "plan.json").read_bytes())
    del plan["demonstrations"]
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    assert same(synthesize(tmp_path, games), first)


def test_what_the_committee_rejects_is_kept_apart_with_its_reasons(tmp_path: Path, games: Path) -> None:
    no = json.dumps(
        {
            name: {"ok": name != "natural", "reason": "nobody would"}
            for name in ("aligned", "coherent", "natural", "reasonable")
        }
    )
    made = synthesize(tmp_path / "run", games, voter=ScriptedModel(lambda *_: no))
    assert not made.pairs
    assert made.summary.rejected == {"committee": made.summary.examples}
    line = from_json((tmp_path / "run" / "rejected.ndjson").read_bytes().split(b"\n")[0])
    assert "nobody would" in str(line["verdict"]["reasons"])
    assert Trajectory(**line["pair"]).id


class Breaking(ALFWorld):
    """Breaks at its third step."""

    def step(self, action: str) -> StepResult:
        if action.startswith("go to sinkbasin"):
            raise Stalled("it broke")
        return super().step(action)


class Hanging(ALFWorld):
    """Hangs at its third step."""

    def step(self, action: str) -> StepResult:
        if action.startswith("go to sinkbasin"):
            time.sleep(1)
        return super().step(action)


@pytest.mark.parametrize("make", [Breaking, Hanging])
def test_an_environment_that_breaks_or_hangs_ends_its_rollout_alone(
    tmp_path: Path, games: Path, make: type[ALFWorld]
) -> None:
    made = synthesize(tmp_path, games, make=make, patience_s=0.3)
    found = {rollout.task: rollout for rollout in rollouts(tmp_path)}
    stalled = found.pop("put_clean-Cup")
    assert stalled.ended == "stalled"
    assert len(stalled.actions) == 3
    assert {rollout.ended for rollout in found.values()} == {"done"}
    assert any((pair.source or {})["rollout"] == stalled.id for pair in made.pairs.values())
