from __future__ import annotations

import asyncio
from dataclasses import astuple
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.errors import InvalidInput
from retrievers.language_model import ModelUnavailable, ScriptedModel
from synthesis.budget import NOTHING, Budget, CallLimits, Charge, Price, estimated_tokens
from synthesis.call_settings import CallSettings
from synthesis.calls import Calls
from synthesis.errors import BudgetSpent, CallFailed, SynthesisFault
from tests.synthesis.asking import Naps, failing

PRICES = {"act": Price(3.0, 15.0)}
MAX_TOKENS = 20


@given(st.text())
def test_tokens_are_a_quarter_of_the_characters_rounded_up(text: str) -> None:
    assert 0 <= estimated_tokens(text) * 4 - len(text) < 4


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (CallLimits(calls=1), "more than 1 calls"),
        (CallLimits(tokens=19), "more than 19 tokens"),
        (CallLimits(cost=0.5), "a cost over 0.5"),
    ],
)
def test_each_limit_stops_what_would_pass_it_and_says_so(limits: CallLimits, words: str) -> None:
    budget = Budget(limits, Charge(1, 5, 5, 0.25))
    with pytest.raises(BudgetSpent, match=words):
        asyncio.run(budget.reserve(Charge(1, 5, 5, 0.5)))


def test_a_call_that_might_still_fit_waits_for_those_in_flight() -> None:
    async def steps() -> None:
        budget = Budget(CallLimits(tokens=100))
        first = Charge(1, 10, 50)
        await budget.reserve(first)
        second = asyncio.create_task(budget.reserve(Charge(1, 10, 50)))
        await asyncio.sleep(0)
        assert not second.done()
        budget.settle(first, Charge(1, 10, 30))
        await second
        third = asyncio.create_task(budget.reserve(Charge(1, 1)))
        budget.settle(Charge(1, 10, 50), Charge(1, 10, 50))
        with pytest.raises(BudgetSpent):
            await third
        assert budget.spent == Charge(2, 20, 80)

    asyncio.run(steps())


def test_a_budget_in_money_needs_every_price(tmp_path: Path) -> None:
    models = {"act": ScriptedModel([]), "judge": ScriptedModel([])}
    with pytest.raises(InvalidInput, match="needs the prices of: judge"):
        Calls(tmp_path, models, CallLimits(cost=1.0), prices=PRICES)


answers = st.one_of(
    st.text("ab", min_size=1, max_size=200),
    st.sampled_from(["rate_limited", "timeout", "refused"]).map(lambda kind: failing(kind, 1)[0]),
)
limits = st.builds(
    CallLimits,
    calls=st.none() | st.integers(0, 12),
    tokens=st.none() | st.integers(0, 200),
    cost=st.none() | st.floats(0, 0.003),
)


@given(st.lists(st.lists(answers, max_size=12), min_size=1, max_size=3), limits, st.integers(1, 6))
@settings(max_examples=40)
def test_no_budget_is_ever_passed_and_what_was_spent_is_known_after_a_restart(
    runs: list[list[str | ModelUnavailable]], limits: CallLimits, concurrency: int
) -> None:
    async def resumed(folder: Path, script: list[str | ModelUnavailable], start: Charge) -> Charge:
        model = ScriptedModel(script)
        bounds = CallSettings(concurrency=concurrency, rate_limit_retries=2)
        async with Calls(folder, {"act": model}, limits, bounds, PRICES, Naps()) as calls:
            spent = calls.spent()
            before = Charge(spent.calls, spent.tokens_in, spent.tokens_out, spent.cost)
            assert astuple(before) == pytest.approx(astuple(start))
            prompts = [f"question {n}" for n in range(15)]
            asked = (calls.ask("act", "Answer.", prompt, str, max_tokens=MAX_TOKENS) for prompt in prompts)
            told = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(one, str | SynthesisFault) for one in told)
            spent = calls.spent()
        after = Charge(spent.calls, spent.tokens_in, spent.tokens_out, spent.cost)
        assert limits.passed_by(after) is None
        assert after.calls - before.calls <= len(model.prompts)
        return after

    with TemporaryDirectory() as folder:
        after = NOTHING
        for script in runs:
            after = asyncio.run(resumed(Path(folder), script, after))


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_a_budget_of_calls_is_used_up_to_the_last(tmp_path: Path, concurrency: int) -> None:
    async def asked() -> tuple[int, int]:
        model, bounds = ScriptedModel(lambda _, prompt: prompt), CallSettings(concurrency=concurrency)
        async with Calls(tmp_path, {"act": model}, CallLimits(calls=5), bounds) as calls:
            asking = (calls.ask("act", "", f"question {n}", str) for n in range(9))
            told = await asyncio.gather(*asking, return_exceptions=True)
            return len(model.prompts), sum(isinstance(one, BudgetSpent) for one in told)

    assert asyncio.run(asked()) == (5, 4)


def test_what_may_have_been_billed_is_charged_in_full_and_a_refusal_not_at_all(tmp_path: Path) -> None:
    async def spent(kind: str) -> tuple[int, int, int]:
        folder = tmp_path / kind
        async with Calls(
            folder, {"act": ScriptedModel(failing(kind, 3))}, CallLimits(), sleep=Naps()
        ) as calls:
            with pytest.raises(CallFailed):
                await calls.ask("act", "1234", "12345", str, max_tokens=MAX_TOKENS)
            found = calls.spent()
        return found.calls, found.tokens_in, found.tokens_out

    assert asyncio.run(spent("refused")) == (0, 0, 0)
    assert asyncio.run(spent("timeout")) == (3, 9, 60)


def test_no_answer_counts_for_more_than_it_was_allowed(tmp_path: Path) -> None:
    async def spent() -> int:
        model = ScriptedModel(["long words " * 100, "short"])
        async with Calls(tmp_path, {"act": model}, CallLimits(tokens=50)) as calls:
            for prompt in ("one", "two"):
                await calls.ask("act", "", prompt, str, max_tokens=MAX_TOKENS)
            return calls.spent().tokens_out

    assert asyncio.run(spent()) == MAX_TOKENS + 2
