"""Language models behind HTTP: OpenAI-compatible endpoints, Anthropic and Google, through pydantic-ai."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from indexing.errors import InvalidInput, MissingExtra
from retrievers.language_model import LanguageModel, ModelUnavailable, within

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model

Provider: TypeAlias = Literal["openai", "anthropic", "google"]

DEFAULT_URLS: dict[Provider, str] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "google": "https://generativelanguage.googleapis.com",
}
"""Where each provider's own service listens."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model, where, and how much of an answer is read.

    `openai` is any OpenAI-compatible endpoint when `url` names one (with its `/v1`). A key is read
    from nowhere but here; an endpoint of one's own may need none. `temperature` None leaves it to
    the provider: some models accept no other than their own.
    """

    provider: Provider
    name: str
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    temperature: float | None = None
    max_answer_bytes: int = 1 << 20


def language_model(settings: ModelSettings) -> LanguageModel:
    """The model that the settings describe; nothing is sent yet.

    Raises
    ------
    InvalidInput
        An unknown provider, no model name, a url that is none, a key that can't be one, or none for a
        provider's own service.
    MissingExtra
        The extra `llm` isn't installed.
    """
    if settings.provider not in DEFAULT_URLS:
        known = ", ".join(DEFAULT_URLS)
        raise InvalidInput(f"unknown provider {settings.provider!r}; choose one of {known}", "provider")
    if not settings.name.strip():
        raise InvalidInput("name the model as its provider calls it", "name")
    if settings.url is None and not settings.api_key:
        raise InvalidInput(f"{settings.provider} needs an API key; set it, or a url of your own", "api_key")
    if settings.url is not None and not _is_http(settings.url):
        raise InvalidInput("not an http:// or https:// address", "url")
    if settings.api_key and not (settings.api_key.isascii() and settings.api_key.isprintable()):
        raise InvalidInput("holds a line break or another character that no key has", "api_key")
    try:
        return RemoteModel(settings)
    except ImportError as error:
        missing = error.name or settings.provider
        raise MissingExtra(f"{missing} isn't installed; run: pip install 'precedent[llm]'") from error


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class RemoteModel:
    """One model behind one HTTP client: a single attempt each time, bounded in time and in size."""

    def __init__(self, settings: ModelSettings) -> None:
        from retrievers.bounded_http import bounded_client

        self._name = f"{settings.provider}:{settings.name}"
        self._url = settings.url or DEFAULT_URLS[settings.provider]
        self._temperature = settings.temperature
        self._client = bounded_client(settings.max_answer_bytes)
        self._model = _BUILDERS[settings.provider](settings, self._url, self._client)

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._name

    async def complete(self, system: str, prompt: str, *, max_tokens: int, timeout_s: float) -> str:
        """The model's answer; raises ModelUnavailable as the seam says."""
        return await within(self._ask(system, prompt, max_tokens), timeout_s)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self, system: str, prompt: str, max_tokens: int) -> str:
        import httpx2
        from pydantic_ai.direct import model_request
        from pydantic_ai.exceptions import AgentRunError
        from pydantic_ai.messages import ModelRequest, SystemPromptPart, UserPromptPart
        from pydantic_ai.settings import ModelSettings as RequestSettings

        request = ModelRequest([SystemPromptPart(system), UserPromptPart(prompt)])
        settings = RequestSettings(max_tokens=max_tokens, max_retries=0, thinking=False)
        if self._temperature is not None:
            settings["temperature"] = self._temperature
        try:
            response = await model_request(self._model, [request], model_settings=settings, instrument=False)
        except (AgentRunError, ModelUnavailable, httpx2.HTTPError) as error:
            raise self._failure(error) from None
        except (AttributeError, LookupError, TypeError, ValueError):
            # What client libraries stumble with over JSON that isn't of the promised form.
            raise ModelUnavailable("nonsense", f"{self._where} gave a malformed answer") from None
        return self._text(response)

    def _text(self, response: ModelResponse) -> str:
        from pydantic_ai.messages import TextPart

        if response.finish_reason == "content_filter":
            raise ModelUnavailable("refused", f"{self._where} declined to answer")
        text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
        if not text.strip():
            raise ModelUnavailable("nonsense", f"{self._where} gave a blank answer")
        return text

    @property
    def _where(self) -> str:
        return f"the model {self._name} at {urlsplit(self._url).hostname}"

    def _failure(self, error: Exception) -> ModelUnavailable:
        """The failure in our words only: what a provider sends may repeat the key."""
        from httpx2 import TimeoutException
        from pydantic_ai import exceptions as reported

        for cause in _causes(error):
            if isinstance(cause, ModelUnavailable):
                return cause
        where = self._where
        match error:
            case reported.ModelRateLimitError() | reported.ModelQuotaExceededError():
                return ModelUnavailable("rate_limited", f"{where} takes no more requests for now")
            case reported.ModelHTTPError(status_code=status):
                return ModelUnavailable("refused", f"{where} answered HTTP {status}")
            case reported.ModelTimeoutError() | TimeoutException():
                return ModelUnavailable("timeout", f"{where} did not answer in time")
            case reported.ContentFilterError():
                return ModelUnavailable("refused", f"{where} declined to answer")
            case reported.ModelConnectionError():
                return ModelUnavailable("refused", f"{where} can't be reached, or broke off")
            case reported.UnexpectedModelBehavior() | reported.ModelAPIError():
                return ModelUnavailable("nonsense", f"{where} gave a malformed answer")
        return ModelUnavailable("refused", f"{where} can't be reached, or broke off")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _openai(settings: ModelSettings, url: str, client: AsyncClient) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    if settings.url is None:
        return OpenAIChatModel(
            settings.name,
            provider=OpenAIProvider(base_url=url, api_key=settings.api_key, http_client=client),
        )
    compatible = OpenAICompatibleProvider(
        "openai-compatible",
        base_url=url,
        api_key=settings.api_key or NO_KEY,
        http_client=client,
        # Many servers know only the older name, `max_tokens`, and would otherwise generate without end.
        profile=OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False),
    )
    return OpenAIChatModel(settings.name, provider=compatible)


def _anthropic(settings: ModelSettings, url: str, client: AsyncClient) -> Model:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    provider = AnthropicProvider(api_key=settings.api_key or NO_KEY, base_url=url, http_client=client)
    return AnthropicModel(settings.name, provider=provider)


def _google(settings: ModelSettings, url: str, client: AsyncClient) -> Model:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    # Google's client makes one attempt unless it is given retry options.
    provider = GoogleProvider(api_key=settings.api_key or NO_KEY, base_url=url, http_client=client)
    return GoogleModel(settings.name, provider=provider)


NO_KEY = "none"
"""Sent where no key is set, so that a client library looks for none in the environment."""

_BUILDERS = {"openai": _openai, "anthropic": _anthropic, "google": _google}
