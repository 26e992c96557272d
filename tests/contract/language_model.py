"""What every LanguageModel keeps: inherit it, and say how to make models that behave in three ways."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractContextManager

import pytest

from retrievers.language_model import LanguageModel, ModelUnavailable


class LanguageModelContract:
    """Subclasses give fresh models, each usable while its context is open."""

    def answering(self, text: str) -> AbstractContextManager[LanguageModel]:
        """A model that answers this text to everything."""
        raise NotImplementedError

    def hanging(self) -> AbstractContextManager[LanguageModel]:
        """A model that never answers."""
        raise NotImplementedError

    def broken(self) -> AbstractContextManager[LanguageModel]:
        """A model that refuses everything."""
        raise NotImplementedError

    def test_it_has_a_name(self) -> None:
        with self.answering("yes") as model:
            assert model.name.strip()

    def test_it_answers_again_and_again(self) -> None:
        with self.answering("two\nlines — ü") as model:
            assert asked(model, times=3) == ["two\nlines — ü"] * 3

    def test_it_answers_many_at_once(self) -> None:
        async def together(model: LanguageModel) -> list[str]:
            calls = (model.complete("s", f"p{n}", max_tokens=8, timeout_s=20) for n in range(8))
            try:
                return await asyncio.gather(*calls)
            finally:
                await model.aclose()

        with self.answering("yes") as model:
            assert asyncio.run(together(model)) == ["yes"] * 8

    def test_a_blank_answer_is_nonsense(self) -> None:
        with self.answering(" \n ") as model:
            assert failure(model) == "nonsense"

    def test_it_refuses_by_the_one_error(self) -> None:
        with self.broken() as model:
            assert failure(model) == "refused"

    def test_it_ends_within_its_time(self) -> None:
        with self.hanging() as model:
            started = time.monotonic()
            assert failure(model, timeout_s=0.3) == "timeout"
            assert time.monotonic() - started < 5

    def test_it_can_be_cancelled(self) -> None:
        async def cancel(model: LanguageModel) -> bool:
            call = asyncio.create_task(model.complete("s", "p", max_tokens=8, timeout_s=60))
            await asyncio.sleep(0.05)
            call.cancel()
            await asyncio.wait({call}, timeout=10)
            await model.aclose()
            return call.cancelled()

        with self.hanging() as model:
            assert asyncio.run(cancel(model))


def asked(model: LanguageModel, times: int = 1, timeout_s: float = 20) -> list[str]:
    """The model's answers, one after the other; then it is closed."""

    async def ask() -> list[str]:
        try:
            return [
                await model.complete("Be brief.", "Well?", max_tokens=16, timeout_s=timeout_s)
                for _ in range(times)
            ]
        finally:
            await model.aclose()

    return asyncio.run(ask())


def failure(model: LanguageModel, timeout_s: float = 20) -> str:
    """The kind of failure that the model ends with."""
    with pytest.raises(ModelUnavailable) as raised:
        asked(model, timeout_s=timeout_s)
    return raised.value.kind
