"""An endpoint that does a run's work by rule: it thinks up tasks, acts, writes instructions and judges.

What it answers depends on what it is asked alone, so that a run ends the same however often it is begun.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from synthesis.committee import CRITERIA
from synthesis.construction import QUESTIONS
from synthesis.prompts import told_in
from synthesis.scripted import abstraction, summary
from tests.support.model_servers import Behaviour, Exchange, ModelServer, openai_answer

ACTIONS = "go to shelf 2", "take cup 2 from shelf 2", "go to chest 1", "open chest 1", "inventory", "DONE"
TASKS = "Put a cup into the chest", "Look what stands on the shelf"


def works(slowly_s: float = 0.0, actions: Sequence[str] = ACTIONS) -> Behaviour:
    """Answers as an OpenAI-compatible endpoint does, after a while; it acts by a list."""

    async def behave(exchange: Exchange) -> None:
        await asyncio.sleep(slowly_s)
        system, prompt = (message["content"] for message in exchange.body["messages"])
        await exchange.answer(json.dumps(openai_answer(work(system, prompt, actions))).encode())

    return behave


def work(system: str, prompt: str, actions: Sequence[str] = ACTIONS) -> str:
    """The answer to one of the prompts of a run."""
    if system.startswith("You think up tasks"):
        return json.dumps(TASKS)
    if system.startswith("You act"):
        return actions[min(prompt.count("\nAction:"), len(actions) - 1)]
    if system.startswith("You judge"):
        return json.dumps({name: {"ok": True, "reason": "It does."} for name in CRITERIA})
    assert system.startswith("You are shown"), system
    told = told_in(prompt)
    return abstraction(told) if prompt.endswith(QUESTIONS["abstraction"]) else summary(told)


def named(server: ModelServer) -> dict[str, str]:
    """The settings by which a command finds it."""
    return {
        "PRECEDENT_MODEL_NAME": "small",
        "PRECEDENT_MODEL_URL": f"{server.url}/v1",
        "PRECEDENT_MODEL_API_KEY": "none",
    }


def write_document(folder: Path) -> Path:
    """A page about the household."""
    path = folder / "cups.md"
    path.write_text("# Cups\n\nCups are kept in the chest, which opens.\n", encoding="utf-8")
    return path
