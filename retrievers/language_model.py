"""The language-model seam: a prompt in, a text out, or one clear kind of failure.

PrecedentError
└── ModelUnavailable            the model gave no usable answer; `kind` says why:
    ├── "timeout"               not within the time it was given
    ├── "refused"               no connection, an HTTP error, or the provider declined to answer
    ├── "rate_limited"          too many requests, or the quota is used up
    ├── "too_large"             the answer's body passed the limit and was not read on
    └── "nonsense"              an answer that isn't what the provider's interface promises
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Literal, Protocol, TypeAlias

from indexing.errors import PrecedentError

Failure: TypeAlias = Literal["timeout", "refused", "rate_limited", "too_large", "nonsense"]


class ModelUnavailable(PrecedentError):
    """The model gave no usable answer. The message holds no key and nothing the provider sent."""

    def __init__(self, kind: Failure, message: str) -> None:
        super().__init__(message)
        self.kind: Failure = kind


class LanguageModel(Protocol):
    """Something that completes a prompt. Safe to call from many tasks of one event loop."""

    @property
    def name(self) -> str:
        """What tells this model from others, in caches and logs."""
        ...

    async def complete(self, system: str, prompt: str, *, max_tokens: int, timeout_s: float) -> str:
        """The model's answer, never blank.

        One attempt, over within `timeout_s` seconds. Raises ModelUnavailable for whatever goes wrong.
        """
        ...

    async def aclose(self) -> None:
        """Give back connections; the model isn't used after that."""
        ...


Script: TypeAlias = Callable[[str, str], str | Awaitable[str]] | Iterable[str | ModelUnavailable]


class ScriptedModel:
    """A model that answers what it is told to: for tests of what is built on the seam.

    The script is a function of (system, prompt), plain or async, or a series of answers, in which a
    ModelUnavailable is raised; a series that has run out refuses. `prompts` keeps what was asked.

    >>> import asyncio
    >>> model = ScriptedModel(["how to change a time zone"])
    >>> asyncio.run(model.complete("", "Which examples help?", max_tokens=32, timeout_s=1))
    'how to change a time zone'
    """

    def __init__(self, script: Script, name: str = "scripted") -> None:
        self.name = name
        self.prompts: list[str] = []
        self._answer = script if callable(script) else _series(script)

    async def complete(self, system: str, prompt: str, *, max_tokens: int, timeout_s: float) -> str:  # noqa: ARG002
        """The script's next answer."""
        self.prompts.append(prompt)
        answer = self._answer(system, prompt)
        text = await within(answer, timeout_s) if inspect.isawaitable(answer) else answer
        if not text.strip():
            raise ModelUnavailable("nonsense", "the model's answer is blank")
        return text

    async def aclose(self) -> None:
        """Nothing to give back."""


def _series(answers: Iterable[str | ModelUnavailable]) -> Callable[[str, str], str]:
    left = iter(answers)

    def answer(_system: str, _prompt: str) -> str:
        item = next(left, None)
        if item is None:
            raise ModelUnavailable("refused", "the script has no more answers")
        if isinstance(item, ModelUnavailable):
            raise item
        return item

    return answer


async def within(answer: Awaitable[str], timeout_s: float) -> str:
    """The answer, or ModelUnavailable "timeout" once the time is over; the work is cancelled then."""
    try:
        async with asyncio.timeout(timeout_s):
            return await answer
    except TimeoutError:
        raise ModelUnavailable("timeout", f"the model gave no answer within {timeout_s:.1f} s") from None
