"""Runs in which something fails midway: a model while it acts, an environment for good."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from environments.alfworld import ALFWorld
from indexing.lines import Lines
from indexing.records import Trajectory
from retrievers.language_model import ModelUnavailable
from synthesis.committee import Verdict
from synthesis.judges import ReplayJudge
from synthesis.rollouts import Rollout
from synthesis.scripted import RuleSummariser
from synthesis.spans import Span
from tests.environments.household import write_games
from tests.synthesis.asking import ROOT
from tests.synthesis.workshops import PLAN, TASKS, synthesize

WALK = "go to shelf 2", "take cup 2 from shelf 2", "go to chest 1", "open chest 1", "DONE"
ONE = replace(PLAN, tasks=TASKS[:1])


class Walker(RuleSummariser):
    """Acts by a list, of which it gives up one action, and counts what it is asked."""

    def __init__(self, actions: Sequence[str], refused: str = "") -> None:
        super().__init__()
        self._actions, self._refused = actions, refused
        self.acted = 0

    async def complete(self, system: str, prompt: str, *, max_tokens: int, timeout_s: float) -> str:
        if not system.startswith("You act"):
            return await super().complete(system, prompt, max_tokens=max_tokens, timeout_s=timeout_s)
        self.acted += 1
        action = self._actions[prompt.count("\nAction:")]
        if action == self._refused:
            raise ModelUnavailable("refused", "not now")
        return action


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_games(tmp_path_factory.mktemp("games"))


def rollouts(folder: Path) -> list[Rollout]:
    return Lines(folder / "rollouts.ndjson", Rollout.of).read()


def test_a_rollout_that_a_model_cut_short_is_played_on_when_the_run_is_resumed(
    tmp_path: Path, games: Path
) -> None:
    failing, mended, undisturbed = Walker(WALK, refused=WALK[2]), Walker(WALK), Walker(WALK)
    first = synthesize(tmp_path / "run", games, ONE, model=failing, policy="model")
    assert first.summary.failed == {"rollout: call failed: refused": 1}
    assert rollouts(tmp_path / "run") == []
    assert failing.acted == 3
    rest = synthesize(tmp_path / "run", games, ONE, model=mended, policy="model")
    assert mended.acted == len(WALK) - 2
    whole = synthesize(tmp_path / "whole", games, ONE, model=undisturbed, policy="model")
    assert (rest.pairs, rest.summary) == (whole.pairs, whole.summary)
    assert rollouts(tmp_path / "run") == rollouts(tmp_path / "whole") != []
    assert rollouts(tmp_path / "run")[0].actions == WALK[:-1]


def test_an_environment_that_hangs_for_good_keeps_neither_the_run_nor_the_process_from_ending(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "tests.synthesis.hanging", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    ended = {rollout.task: rollout.ended for rollout in rollouts(tmp_path / "run")}
    assert ended.pop("put_clean-Cup") == "stalled"
    assert set(ended.values()) == {"done"}
    assert (tmp_path / "run" / "summary.json").exists()


@dataclass(frozen=True)
class Watching(ReplayJudge):
    """Keeps what it is given to judge."""

    given: list[tuple[Span, Trajectory]] = field(default_factory=list)

    async def verdicts(self, rollout: Rollout, pairs: Sequence[tuple[Span, Trajectory]]) -> list[Verdict]:
        self.given.extend(pairs)
        return await super().verdicts(rollout, pairs)


def test_the_committee_is_given_pairs_without_their_repeats(tmp_path: Path, games: Path) -> None:
    judge = Watching(lambda: ALFWorld(games))
    walker = Walker(("inventory", "inventory", "inventory", "go to chest 1", "DONE"))
    made = synthesize(tmp_path, games, ONE, model=walker, judge=judge, policy="model")
    (rollout,) = rollouts(tmp_path)
    assert rollout.actions.count("inventory") == 3
    assert made.summary.spans == 10
    assert len(judge.given) == made.summary.examples == 20
    for span, pair in judge.given:
        actions = [step.action for step in pair.steps]
        assert set(actions) == set(rollout.actions[span.start : span.end])
        assert (pair.source or {})["span"] == [span.start, span.end]
        assert pair.final_observation == rollout.observations[span.end]
        assert actions.count("inventory") <= 2
    whole = {pair.id: pair for _, pair in judge.given}[f"{rollout.id}/0-4/summary"]
    assert len(whole.steps) < 4
    assert whole.instruction.count("inventory") == len(whole.steps) - 1
