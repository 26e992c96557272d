from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.errors import InvalidInput
from retrievers.language_model import ModelUnavailable, ScriptedModel
from synthesis.budget import CallLimits
from synthesis.call_settings import CallSettings
from synthesis.calls import Calls
from synthesis.errors import BudgetSpent, CallFailed
from tests.synthesis.asking import Naps, failing, number, opened


def squares(_system: str, prompt: str) -> str:
    return str(int(prompt) ** 2)


async def asked(calls: Calls, prompt: str = "2", **more: Any) -> int:
    return await calls.ask("act", "Square it.", prompt, number, **more)


async def failure(work: Coroutine[Any, Any, int]) -> str:
    with pytest.raises(CallFailed) as caught:
        await work
    return caught.value.kind


async def told(folder: Path, model: ScriptedModel, naps: Naps | None = None) -> int | str:
    """What one question comes to in a run that is opened for it."""
    async with opened(folder, model, naps=naps) as calls:
        try:
            return await asked(calls)
        except CallFailed as error:
            return error.kind


def test_an_answer_is_read_and_asked_for_once_restarts_included(tmp_path: Path) -> None:
    model = ScriptedModel(squares)

    async def twice() -> None:
        for _ in range(2):
            async with opened(tmp_path, model) as calls:
                assert [await asked(calls), await asked(calls, "3")] == [4, 9]

    asyncio.run(twice())
    assert model.prompts == ["2", "3"]


def test_whatever_belongs_to_a_question_makes_it_another(tmp_path: Path) -> None:
    models = {"judge": ScriptedModel(squares, "other"), "judge-2": ScriptedModel(squares)}
    model = ScriptedModel(squares)

    async def all_of_them() -> int:
        async with opened(tmp_path, model, others=models) as calls:
            await asked(calls)
            await asked(calls, salt="again")
            await asked(calls, max_tokens=7)
            await calls.ask("act", "Square it!", "2", number)
            await calls.ask("judge", "Square it.", "2", number)
            await calls.ask("judge-2", "Square it.", "2", number)
            return calls.spent().calls

    assert asyncio.run(all_of_them()) == 5
    assert models["judge-2"].prompts == []


def test_equal_calls_in_flight_are_one(tmp_path: Path) -> None:
    model = ScriptedModel(squares)

    async def together() -> None:
        async with opened(tmp_path, model) as calls:
            assert await asyncio.gather(*(asked(calls) for _ in range(20))) == [4] * 20
            assert (calls.spent().calls, calls.spent().cached) == (1, 19)

    asyncio.run(together())
    assert len(model.prompts) == 1


def test_as_many_calls_are_in_flight_as_a_model_is_given_and_no_more(tmp_path: Path) -> None:
    async def together() -> int:
        flying, most, three = 0, 0, asyncio.Barrier(3)

        async def answer(_system: str, prompt: str) -> str:
            nonlocal flying, most
            flying += 1
            most = max(most, flying)
            await three.wait()
            flying -= 1
            return prompt

        async with opened(tmp_path, ScriptedModel(answer), settings=CallSettings(concurrency=3)) as calls:
            assert await asyncio.gather(*(asked(calls, str(n)) for n in range(12))) == list(range(12))
        return most

    assert asyncio.run(together()) == 3


def test_junk_is_asked_again_and_an_answer_that_can_be_read_ends_it(tmp_path: Path) -> None:
    assert asyncio.run(told(tmp_path, ScriptedModel(["four?", "4"]))) == 4


def test_junk_thrice_fails_by_name_and_the_resumed_run_fails_the_same_without_asking(tmp_path: Path) -> None:
    async def spent() -> dict[str, int]:
        async with opened(tmp_path, ScriptedModel([])) as calls:
            with pytest.raises(CallFailed, match=r"3 answers of scripted as 'act' .*: not a number"):
                await asked(calls)
            return dict(calls.spent().failures)

    assert asyncio.run(told(tmp_path, ScriptedModel(["four?", "[4", "{", "4"]))) == "unreadable"
    assert asyncio.run(told(tmp_path, ScriptedModel([]))) == "unreadable"
    assert asyncio.run(spent()) == {"unreadable": 3}


def test_a_limited_rate_is_waited_out_longer_each_time(tmp_path: Path) -> None:
    naps = Naps()
    assert asyncio.run(told(tmp_path, ScriptedModel([*failing("rate_limited", 8), "4"]), naps)) == 4
    bounds = [1, 2, 4, 8, 16, 32, 60, 60]
    assert all(most / 2 <= nap <= most for nap, most in zip(naps.seconds, bounds, strict=True))


def test_waits_are_drawn_by_the_seed() -> None:
    def waits(seed: int) -> list[float]:
        chance = Random(seed)
        return [CallSettings().wait_s(failed, chance) for failed in range(1, 2_000, 100)]

    assert waits(1) == waits(1) != waits(2)


@pytest.mark.parametrize(
    ("kind", "times"),
    [("rate_limited", 9), ("timeout", 3), ("refused", 3), ("too_large", 3), ("nonsense", 3)],
)
def test_a_network_that_keeps_failing_is_named_and_not_kept(tmp_path: Path, kind: str, times: int) -> None:
    assert asyncio.run(told(tmp_path, ScriptedModel([*failing(kind, times), "5"]))) == kind
    assert asyncio.run(told(tmp_path, ScriptedModel([*failing(kind, times - 1), "4"]))) == 4


def test_failures_are_counted_by_kind_restarts_included(tmp_path: Path) -> None:
    script = [*failing("timeout", 1), *failing("rate_limited", 2), "four?", "4"]

    async def failures(script: list[str | ModelUnavailable]) -> list[dict[str, int]]:
        async with opened(tmp_path, ScriptedModel(script)) as calls:
            before = dict(calls.spent().failures)
            assert await asked(calls) == 4
            return [before, dict(calls.spent().failures)]

    expected = {"rate_limited": 2, "timeout": 1, "unreadable": 1}
    assert asyncio.run(failures(script)) == [{}, expected]
    assert asyncio.run(failures([])) == [expected, expected]


def test_a_model_that_hangs_ends_in_a_timeout(tmp_path: Path) -> None:
    async def hang(_system: str, _prompt: str) -> str:
        await asyncio.Event().wait()
        return "never"

    async def ask() -> str:
        bounds = CallSettings(timeout_s=0.01, retries=1)
        async with opened(tmp_path, ScriptedModel(hang), settings=bounds) as calls:
            return await failure(asked(calls))

    assert asyncio.run(ask()) == "timeout"


def test_what_was_sent_when_the_run_stops_is_still_kept_and_nothing_more_is_sent(tmp_path: Path) -> None:
    async def stopped() -> ScriptedModel:
        sent, go_on = asyncio.Event(), asyncio.Event()

        async def answer(_system: str, prompt: str) -> str:
            sent.set()
            await go_on.wait()
            return prompt

        model = ScriptedModel(answer)
        async with opened(tmp_path, model, settings=CallSettings(concurrency=1)) as calls:
            asking = [asyncio.create_task(asked(calls, prompt)) for prompt in ("1", "2")]
            await sent.wait()
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            go_on.set()
        return model

    async def resumed(prompt: str) -> str:
        async with opened(tmp_path, ScriptedModel([])) as calls:
            try:
                return str(await asked(calls, prompt))
            except CallFailed as error:
                return error.kind

    assert asyncio.run(stopped()).prompts == ["1"]
    assert [asyncio.run(resumed(prompt)) for prompt in ("1", "2")] == ["1", "refused"]


def test_one_who_goes_takes_no_answer_from_those_who_stay(tmp_path: Path) -> None:
    async def together() -> int:
        async with opened(tmp_path, ScriptedModel(squares)) as calls:
            going, staying = (asyncio.create_task(asked(calls)) for _ in range(2))
            await asyncio.sleep(0)
            going.cancel()
            return await staying

    assert asyncio.run(together()) == 4


def test_a_role_without_a_model_is_refused(tmp_path: Path) -> None:
    async def ask() -> None:
        async with opened(tmp_path, ScriptedModel([])) as calls:
            await calls.ask("judge", "", "2", number)

    with pytest.raises(InvalidInput, match="no model was given for the role 'judge'"):
        asyncio.run(ask())


texts = st.text(st.characters(), min_size=1).filter(lambda text: bool(text.strip()))


@given(st.dictionaries(st.text(st.characters()), texts, max_size=12), st.integers(0, 12))
@settings(max_examples=40)
def test_a_resumed_run_hears_the_same_and_makes_no_call_twice(
    wanted: dict[str, str], calls_made: int
) -> None:
    """Whatever text is asked and answered, lone surrogates too."""
    model = ScriptedModel(lambda _, prompt: wanted[prompt])

    async def run(folder: Path, limits: CallLimits) -> dict[str, str]:
        async with opened(folder, model, limits) as calls:
            asking = (calls.ask("act", "", prompt, str) for prompt in wanted)
            heard = await asyncio.gather(*asking, return_exceptions=True)
            assert all(isinstance(one, str | BudgetSpent) for one in heard)
            return {prompt: one for prompt, one in zip(wanted, heard, strict=True) if isinstance(one, str)}

    with TemporaryDirectory() as name:
        folder = Path(name)
        first = asyncio.run(run(folder, CallLimits(calls=calls_made)))
        assert len(model.prompts) == len(first) == min(calls_made, len(wanted))
        assert first.items() <= wanted.items()
        assert asyncio.run(run(folder, CallLimits())) == wanted
        assert asyncio.run(run(folder, CallLimits(calls=0))) == wanted
        assert sorted(model.prompts) == sorted(wanted)
