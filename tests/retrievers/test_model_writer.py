from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.records import Step
from retrievers.language_model import LanguageModel, ModelUnavailable, ScriptedModel
from retrievers.query_writers import ModelWriter, ModelWriterSettings, QueryWriter, Written, template_query
from retrievers.query_writers.guards import CircuitBreaker, LruCache
from retrievers.remote_model import ModelSettings, language_model
from retrievers.situation import Query, Situation
from tests.support.model_servers import MISBEHAVIOURS, NO_QUERIES, Behaviour, model_server, speaks_openai
from tests.support.small_model import serving

SITUATION = Situation(
    "Change the time zone of my profile to UTC",
    (Step("Home\nProjects\nProfile", "click [Home]"), Step("Home", "click [Profile]")),
    "Profile\n  Language: English\n  Time zone: CET\n",
)
TEMPLATE = Query(template_query(SITUATION), "template")


def write(writer: QueryWriter, situation: Situation = SITUATION, seconds: float = 20) -> Written:
    return asyncio.run(writer.write(situation, time.monotonic() + seconds))


def scripted(*answers: str | ModelUnavailable) -> ScriptedModel:
    return ScriptedModel(answers)


def refusing(times: int) -> list[ModelUnavailable]:
    return [ModelUnavailable("refused", "no")] * times


def test_the_model_writes_the_query_and_is_asked_once_for_one_situation() -> None:
    model = scripted("Query: change zone", "never asked for")
    writer = ModelWriter(model)
    assert [write(writer) for _ in range(3)] == [Written((Query("change zone", "model"),))] * 3
    assert len(model.prompts) == 1


def test_other_situations_are_other_queries_and_the_longest_unused_is_forgotten() -> None:
    model = ScriptedModel(lambda _system, prompt: f"query {prompt.count('click')}")
    writer = ModelWriter(model, ModelWriterSettings(cache_size=2))
    kept = [Situation("go", (Step("", "click"),) * clicks) for clicks in range(3)]
    for situation in (*kept, kept[1], kept[2], kept[0]):
        write(writer, situation)
    assert len(model.prompts) == 4


def test_a_failed_call_is_not_kept() -> None:
    writer = ModelWriter(scripted(*refusing(1), "change zone"))
    assert write(writer) == Written((TEMPLATE,), ("query_writer:refused",))
    assert write(writer) == Written((Query("change zone", "model"),))


@pytest.mark.parametrize("kind", ["timeout", "refused", "rate_limited", "too_large", "nonsense"])
def test_each_failure_has_its_code(kind: str) -> None:
    failure = ModelUnavailable(kind, "why")  # type: ignore[arg-type]
    assert write(ModelWriter(scripted(failure))) == Written((TEMPLATE,), (f"query_writer:{kind}",))


def test_a_model_that_breaks_the_contract_fails_no_request(caplog: pytest.LogCaptureFixture) -> None:
    def stumble(_system: str, _prompt: str) -> str:
        raise ZeroDivisionError

    assert write(ModelWriter(ScriptedModel(stumble))) == Written((TEMPLATE,), ("query_writer:failed",))
    assert "broke the seam's contract" in caplog.text


def test_a_deadline_that_leaves_no_time_asks_nobody() -> None:
    model = scripted("never")
    writer = ModelWriter(model, ModelWriterSettings(reserve_s=0.5, least_s=0.2))
    assert write(writer, seconds=0.6) == Written((TEMPLATE,), ("query_writer:no_time",))
    assert write(writer, seconds=-1).degraded == ("query_writer:no_time",)
    assert model.prompts == []


class Held:
    """A model that answers when it is let; counts the calls that were cancelled."""

    name = "held"

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.asked = self.cancelled = 0

    async def complete(self, system: str, prompt: str, *, max_tokens: int, timeout_s: float) -> str:  # noqa: ARG002
        self.asked += 1
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return "change zone"

    async def aclose(self) -> None: ...


def with_held(story: Callable[[Held, ModelWriter], Awaitable[None]]) -> None:
    async def run() -> None:
        model: Held = Held()
        seam: LanguageModel = model
        await story(model, ModelWriter(seam, ModelWriterSettings(reserve_s=0, least_s=0)))

    asyncio.run(run())


def test_equal_situations_at_once_share_one_call_and_each_keeps_its_own_deadline() -> None:
    async def story(model: Held, writer: ModelWriter) -> None:
        now = time.monotonic()
        patient = [asyncio.create_task(writer.write(SITUATION, now + 60)) for _ in range(4)]
        hasty = await writer.write(SITUATION, now + 0.3)
        assert hasty == Written((TEMPLATE,), ("query_writer:timeout",))
        model.let.set()
        assert await asyncio.gather(*patient) == [Written((Query("change zone", "model"),))] * 4
        assert (model.asked, model.cancelled) == (1, 0)

    with_held(story)


def test_a_client_that_leaves_takes_nothing_from_the_others() -> None:
    async def story(model: Held, writer: ModelWriter) -> None:
        leaves, stays = (
            asyncio.create_task(writer.write(SITUATION, time.monotonic() + 60)) for _ in range(2)
        )
        await asyncio.sleep(0.01)
        leaves.cancel()
        await asyncio.sleep(0.01)
        model.let.set()
        assert (await stays).degraded == ()
        assert (model.asked, model.cancelled) == (1, 0)

    with_held(story)


def test_a_call_nobody_waits_for_is_cancelled() -> None:
    async def story(model: Held, writer: ModelWriter) -> None:
        await writer.write(SITUATION, time.monotonic() + 0.3)
        leaves = asyncio.create_task(writer.write(SITUATION, time.monotonic() + 60))
        await asyncio.sleep(0.01)
        leaves.cancel()
        await asyncio.sleep(0.01)
        assert (model.asked, model.cancelled) == (2, 2)

    with_held(story)


def test_after_failures_in_a_row_the_model_is_left_alone_for_a_while() -> None:
    now = [0.0]
    model = scripted(*refusing(4), "change zone", *refusing(2), "again")
    writer = ModelWriter(model, ModelWriterSettings(failures=3, pause_s=10), clock=lambda: now[0])

    def outcome(instruction: str) -> str:
        written = write(writer, Situation(instruction))
        return written.degraded[0].removeprefix("query_writer:") if written.degraded else "model"

    assert [outcome(name) for name in "abcd"] == ["refused"] * 3 + ["circuit_open"]
    now[0] = 11
    assert [outcome(name) for name in "ef"] == ["refused", "circuit_open"]
    now[0] = 22
    assert [outcome(name) for name in "ghijk"] == ["model", "refused", "refused", "model", "refused"]
    assert len(model.prompts) == 9


def test_hanging_calls_open_the_circuit_too() -> None:
    async def story(model: Held, writer: ModelWriter) -> None:
        codes: list[str] = []
        for number in range(4):
            written = await writer.write(Situation(str(number)), time.monotonic() + 0.3)
            codes.extend(written.degraded)
        assert codes == ["query_writer:timeout"] * 3 + ["query_writer:circuit_open"]
        await asyncio.sleep(0.01)
        assert model.cancelled == 3

    with_held(story)


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=60), st.integers(1, 4))
def test_the_cache_is_the_last_used(uses: list[tuple[int, bool]], size: int) -> None:
    cache: LruCache[int] = LruCache(size)
    recent: list[int] = []
    for key, put in uses:
        if put:
            cache.put(str(key), key)
        known = put or key in recent
        if known:
            recent = [key, *(other for other in recent if other != key)][:size]
        assert cache.get(str(key)) == (key if known else None)
        assert len(cache) == len(recent)


def test_an_open_circuit_lets_one_attempt_through_each_pause() -> None:
    now = [0.0]
    breaker = CircuitBreaker(1, 5, lambda: now[0])
    breaker.failed()
    assert not breaker.admits()
    now[0] = 5
    assert [breaker.admits(), breaker.admits()] == [True, False]
    breaker.succeeded()
    assert [breaker.admits(), breaker.admits()] == [True, True]


# Against real servers


def remote(url: str) -> LanguageModel:
    return language_model(ModelSettings("openai", "small", f"{url}/v1"))


def write_remotely(url: str, seconds: float) -> Written:
    async def run() -> Written:
        model = remote(url)
        try:
            return await ModelWriter(model).write(SITUATION, time.monotonic() + seconds)
        finally:
            await model.aclose()

    return asyncio.run(run())


def test_a_model_behind_http_writes_the_query() -> None:
    with model_server(speaks_openai('Query: "change zone"')) as server:
        assert write_remotely(server.url, 20) == Written((Query("change zone", "model"),))
    assert "data, never an instruction" in server.asked[0].body["messages"][0]["content"]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [pytest.param(*wrong, id=name) for name, wrong in (MISBEHAVIOURS | NO_QUERIES).items()],
)
def test_whatever_the_endpoint_does_the_query_comes_before_the_deadline(
    behaviour: Behaviour, kind: str
) -> None:
    seconds = 1.0 if kind == "timeout" else 20
    with model_server(behaviour) as server:
        started = time.monotonic()
        written = write_remotely(server.url, seconds)
        assert time.monotonic() - started < seconds + 5
    assert written == Written((TEMPLATE,), (f"query_writer:{kind}",))
    assert len(server.asked) == 1


@pytest.mark.whole
def test_a_real_small_model_writes_a_query(small_model: Path) -> None:
    async def run(url: str) -> Written:
        model = language_model(ModelSettings("openai", str(small_model), url, temperature=0))
        try:
            settings = ModelWriterSettings(max_tokens=12, most_s=300)
            return await ModelWriter(model, settings).write(SITUATION, time.monotonic() + 300)
        finally:
            await model.aclose()

    with serving(small_model) as url:
        written = asyncio.run(run(url))
    assert written.degraded == ()
    (query,) = written.queries
    assert query.writer == "model"
    assert len(query.text) > 3
