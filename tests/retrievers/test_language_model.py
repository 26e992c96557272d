from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from indexing.errors import InvalidInput, MissingExtra
from retrievers.language_model import LanguageModel, ModelUnavailable, ScriptedModel
from retrievers.remote_model import ModelSettings, Provider, language_model
from tests.contract.language_model import LanguageModelContract, asked, failure
from tests.support.model_servers import (
    MISBEHAVIOURS,
    Behaviour,
    anthropic_answer,
    breaks_off_connection,
    fails_with,
    google_answer,
    hangs,
    model_server,
    openai_answer,
    says,
)

KEY = "sk-very-secret-key"
ANSWERS = {"openai": openai_answer, "anthropic": anthropic_answer, "google": google_answer}
PROVIDERS: tuple[Provider, ...] = ("openai", "anthropic", "google")


def remote(provider: Provider, url: str) -> LanguageModel:
    base = f"{url}/v1" if provider == "openai" else url
    return language_model(ModelSettings(provider, "small", base, KEY))


class TestScriptedModel(LanguageModelContract):
    def answering(self, text: str) -> AbstractContextManager[LanguageModel]:
        return nullcontext(ScriptedModel(lambda _system, _prompt: text))

    def hanging(self) -> AbstractContextManager[LanguageModel]:
        async def hang(_system: str, _prompt: str) -> str:
            await asyncio.sleep(3600)
            return "too late"

        return nullcontext(ScriptedModel(hang))

    def broken(self) -> AbstractContextManager[LanguageModel]:
        return nullcontext(ScriptedModel([]))


class TestOpenAICompatibleModel(LanguageModelContract):
    provider: Provider = "openai"

    @contextmanager
    def behaving(self, behaviour: Behaviour) -> Iterator[LanguageModel]:
        with model_server(behaviour) as server:
            yield remote(self.provider, server.url)

    def answering(self, text: str) -> AbstractContextManager[LanguageModel]:
        return self.behaving(says(ANSWERS[self.provider](text)))

    def hanging(self) -> AbstractContextManager[LanguageModel]:
        return self.behaving(hangs)

    def broken(self) -> AbstractContextManager[LanguageModel]:
        return self.behaving(fails_with(500))


class TestAnthropicModel(TestOpenAICompatibleModel):
    provider: Provider = "anthropic"


class TestGoogleModel(TestOpenAICompatibleModel):
    provider: Provider = "google"


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("openai", "/v1/chat/completions"),
        ("anthropic", "/v1/messages"),
        ("google", "/v1beta/models/small:generateContent"),
    ],
)
def test_each_provider_is_asked_in_its_own_words(provider: Provider, path: str) -> None:
    with model_server(says(ANSWERS[provider]("how to change a time zone"))) as server:
        assert asked(remote(provider, server.url)) == ["how to change a time zone"]
    (request,) = server.asked
    assert request.path == path
    assert KEY in "".join(request.headers.values())
    assert request.headers["accept-encoding"] == "identity"
    sent = str(request.body)
    assert "Be brief." in sent
    assert "Well?" in sent
    assert "16" in sent


def test_an_endpoint_of_ones_own_gets_the_older_name_of_the_token_limit_and_no_key_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with model_server(says(openai_answer("yes"))) as server:
        asked(language_model(ModelSettings("openai", "small", f"{server.url}/v1")))
    assert server.asked[0].body["max_tokens"] == 16
    assert "max_completion_tokens" not in server.asked[0].body
    assert KEY not in str(server.asked[0].headers)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_what_an_endpoint_does_wrong_is_told_by_kind_in_one_attempt(provider: Provider, name: str) -> None:
    behaviour, kind = MISBEHAVIOURS[name]
    with model_server(behaviour) as server:
        assert failure(remote(provider, server.url), timeout_s=2 if kind == "timeout" else 20) == kind
    assert len(server.asked) == 1
    assert server.asked[0].sent < 16 << 20


MALFORMED: list[Any] = [
    None,
    [],
    {},
    "text",
    3,
    [[[]]],
    {"choices": [{"message": None}]},
    {"choices": [{"message": {"content": 5}}]},
    {"choices": {"a": 1}},
    {"content": [{}]},
    {"content": [{"type": "text", "text": None}]},
    {"candidates": [{"content": {"parts": [{"text": 3}]}}]},
    {"candidates": "x"},
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("value", MALFORMED, ids=str)
def test_json_of_another_form_is_nonsense(provider: Provider, value: Any) -> None:
    with model_server(says(value)) as server:
        assert failure(remote(provider, server.url)) == "nonsense"


def test_a_model_that_declines_refuses() -> None:
    with model_server(says({"promptFeedback": {"blockReason": "SAFETY"}})) as server:
        assert failure(remote("google", server.url)) == "refused"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("behaviour", [fails_with(401), breaks_off_connection])
def test_no_message_repeats_the_key(provider: Provider, behaviour: Behaviour) -> None:
    with model_server(behaviour) as server, pytest.raises(ModelUnavailable) as raised:
        asked(remote(provider, server.url))
    assert KEY not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    assert KEY not in repr(ModelSettings(provider, "small", api_key=KEY))


def test_nobody_there_is_refused() -> None:
    with model_server(hangs) as server:
        pass
    assert failure(remote("openai", server.url)) == "refused"


def test_a_call_that_ran_out_of_time_hangs_up() -> None:
    with model_server(hangs) as server:
        assert failure(remote("openai", server.url), timeout_s=0.2) == "timeout"
        assert server.hung_up.wait(5)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (ModelSettings("llama", "small", "http://h/v1"), "provider"),  # type: ignore[arg-type]
        (ModelSettings("openai", " ", "http://h/v1"), "name"),
        (ModelSettings("openai", "small"), "api_key"),
        (ModelSettings("anthropic", "small", api_key="two\nlines"), "api_key"),
        (ModelSettings("openai", "small", "localhost:8000"), "url"),
        (ModelSettings("openai", "small", "http://"), "url"),
        (ModelSettings("openai", "small", "http://h:port"), "url"),
    ],
)
def test_settings_that_describe_no_model_are_refused_by_field(settings: ModelSettings, field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        language_model(settings)
    assert raised.value.field == field


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_ai.models.openai", None)
    with pytest.raises(MissingExtra, match=r"precedent\[llm\]"):
        language_model(ModelSettings("openai", "small", "http://h/v1"))


def test_importing_the_seam_loads_no_client_library() -> None:
    code = (
        "import sys, retrievers.remote_model, retrievers.query_writers\n"
        "print({'pydantic_ai', 'openai', 'httpx2', 'anthropic'} & set(sys.modules))"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_a_series_of_answers_may_hold_failures() -> None:
    model = ScriptedModel(["one", ModelUnavailable("rate_limited", "later"), "three"])
    assert asked(model) == ["one"]
    assert failure(model) == "rate_limited"
    assert asked(model) == ["three"]
    assert failure(model) == "refused"
    assert model.prompts == ["Well?"] * 4
