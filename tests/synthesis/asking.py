"""What tests of a run's model calls are made of; as a program, a run that is there to be killed.

It asks many questions at once, writes each into a file when the model gets it, and says on standard
output what became of each once it was told.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from retrievers.language_model import LanguageModel, ModelUnavailable, ScriptedModel
from synthesis.budget import CallLimits
from synthesis.call_settings import CallSettings
from synthesis.calls import Calls
from synthesis.errors import CallFailed, Unreadable

ROOT = Path(__file__).resolve().parents[2]
NO_LIMITS = CallLimits()
QUESTIONS, CONCURRENCY = 120, 6


def number(answer: str) -> int:
    """Reads an answer that must be a number."""
    try:
        return int(answer)
    except ValueError:
        raise Unreadable("not a number") from None


def failing(kind: str, times: int) -> list[str | ModelUnavailable]:
    """That many failures of a model, of one of the seam's kinds."""
    known = {
        "rate_limited": ModelUnavailable("rate_limited", "slower"),
        "timeout": ModelUnavailable("timeout", "too late"),
        "refused": ModelUnavailable("refused", "no"),
        "too_large": ModelUnavailable("too_large", "too much"),
        "nonsense": ModelUnavailable("nonsense", "blank"),
    }
    return [known[kind]] * times


class Naps:
    """A sleep that only notes how long it was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def opened(
    folder: Path,
    model: LanguageModel,
    limits: CallLimits = NO_LIMITS,
    settings: CallSettings | None = None,
    naps: Naps | None = None,
    others: Mapping[str, LanguageModel] | None = None,
) -> Calls:
    """The calls of a run whose acting model this is, and who never really waits."""
    models = {"act": model, **(others or {})}
    return Calls(folder, models, limits, settings or CallSettings(), sleep=naps or Naps())


def expected(question: int) -> str:
    """What an undisturbed run is told: every seventh question can't be answered."""
    return "unreadable" if question % 7 == 0 else str(question * question)


async def _tell(calls: Calls, question: int) -> None:
    try:
        told = str(await calls.ask("act", "Square it.", str(question), number))
    except CallFailed as error:
        told = error.kind
    os.write(1, f"{question} {told}\n".encode())


async def _main(folder: Path) -> None:
    sent = os.open(folder / "sent", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    async def answer(_system: str, prompt: str) -> str:
        os.write(sent, f"{prompt}\n".encode())
        await asyncio.sleep(int(prompt) % 5 / 1_000)
        return expected(int(prompt))

    settings = CallSettings(concurrency=CONCURRENCY)
    async with Calls(folder, {"act": ScriptedModel(answer)}, NO_LIMITS, settings) as calls:
        await asyncio.gather(*(_tell(calls, question) for question in range(QUESTIONS)))


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
