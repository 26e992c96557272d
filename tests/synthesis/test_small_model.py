"""The whole way with a real small model behind a real server. It proves the path, never the quality."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from environments.alfworld import ALFWorld
from indexing.records import Document, Trajectory
from retrievers.remote_model import ModelSettings, language_model
from retrievers.requests import Limits
from retrievers.situation import Situation
from synthesis.acting import ModelPolicy
from synthesis.budget import CallLimits
from synthesis.call_settings import CallSettings
from synthesis.calls import Calls
from synthesis.judges import ReplayJudge
from synthesis.pipeline import Run
from synthesis.summary import Summary
from synthesis.workshops import Workshop
from tests.environments.household import write_games
from tests.support.retrieval import ask, ids, make_lane
from tests.support.small_model import serving
from tests.synthesis.workshops import PLAN, TASKS, quiet

CUPS = Document("cups", "Cups", "A cup stands on the shelf. Cups are kept in the chest, which opens.")
SLOW = CallSettings(attempts=3, retries=1, concurrency=1, timeout_s=180)


@pytest.mark.whole
def test_documents_become_pairs_that_are_retrieved(tmp_path: Path, small_model: Path) -> None:
    games = write_games(tmp_path / "games")
    plan = replace(
        PLAN, tasks=TASKS[:1], each=1, step_limit=2, spans=2, constructions=("abstraction",), alike=0.8
    )
    kept: list[Trajectory] = []

    async def run(url: str) -> Summary:
        model = language_model(ModelSettings("openai", str(small_model), url, "none", 0.0))
        try:
            models = {"act": model, "construct": model}
            async with Calls(tmp_path / "run", models, CallLimits(), SLOW) as calls:
                shop = Workshop(
                    lambda: ALFWorld(games),
                    lambda _: ModelPolicy(calls, model.name),
                    calls,
                    ReplayJudge(lambda: ALFWorld(games)),
                )
                return await Run(tmp_path / "run", plan, shop, quiet).synthesize([CUPS], kept.extend)
        finally:
            await model.aclose()

    with serving(small_model) as url:
        summary = asyncio.run(run(url))
    assert summary.rollouts == summary.instructions == 1
    assert summary.kept == len(kept) > 0
    for pair in kept:
        assert (pair.source or {})["documents"] == ["cups"]
        assert pair.instruction
    here = Situation("find a cup", (), kept[0].steps[0].observation)
    answer = ask(make_lane(tmp_path), kept, here, "agentic", Limits(total=1))
    assert ids(answer)[0] in {pair.id for pair in kept}
