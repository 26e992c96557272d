"""How the service is set up: from the environment, all with a default; docs/settings.md tells each."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from indexing.embedder import DEFAULT
from indexing.errors import InvalidInput
from indexing.parsing import told
from indexing.retention import Retention
from retrievers.remote_model import ModelSettings, Provider
from service.telemetry.logs import LogFormat

PREFIX = "PRECEDENT_"
MIB = 1 << 20
HASHING = re.compile(r"hashing-[0-9]{1,4}", re.ASCII)
TOKENIZERS = ("minilm", "words")

Names = Annotated[tuple[str, ...], NoDecode]
"""Several names; in the environment with commas between."""


class Settings(BaseSettings):
    """The service's settings. Sizes in bytes, times in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    data_dir: Path = Path("data")
    database_url: str | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    insecure: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: LogFormat = "text"
    traces_url: Annotated[str | None, Field(pattern=r"^https?://[^/]")] = None

    embedders: Names = (DEFAULT,)
    tokenizers: Names = ()

    model_provider: Provider = "openai"
    model_name: str | None = None
    model_url: str | None = None
    model_api_key: SecretStr | None = None
    model_temperature: float | None = None

    max_body_bytes: Annotated[int, Field(ge=64 * MIB)] = 256 * MIB
    max_array_bytes: Annotated[int, Field(ge=64 * MIB)] = 64 * MIB
    max_retrieve_bytes: Annotated[int, Field(ge=MIB)] = 16 * MIB
    search_threads: Annotated[int, Field(ge=1, le=256)] = min(8, max(2, os.cpu_count() or 1))
    max_waiting: Annotated[int, Field(ge=0)] = 64
    wait_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 600.0
    audit_days: Annotated[int, Field(ge=1, le=36_500)] = 365
    rate_limit: Annotated[float, Field(ge=0, le=1e6)] | None = None
    rate_burst: Annotated[int, Field(ge=1, le=10**6)] = 2_000
    keep_generations: Annotated[int, Field(ge=2, le=1000)] = 3
    keep_days: Annotated[float, Field(gt=0)] | None = None

    @field_validator("embedders", "tokenizers", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return (
            tuple(name.strip() for name in value.split(",") if name.strip())
            if isinstance(value, str)
            else value
        )

    def model(self, named: str | None = None) -> ModelSettings | None:
        """The language model that writes queries, where one is named; another of `named` "PROVIDER:NAME"."""
        provider, colon, name = (named or "").partition(":")
        if not (colon and provider in get_args(Provider)):
            provider, name = self.model_provider, named or self.model_name or ""
        if not name:
            return None
        key = self.model_api_key.get_secret_value() if self.model_api_key else None
        url = self.model_url if provider == self.model_provider else None
        return ModelSettings(cast("Provider", provider), name, url, key, self.model_temperature)

    def retention(self) -> Retention:
        """Which generations stay on disk."""
        return Retention(self.keep_generations, self.keep_days)

    def check_embedder(self, name: str) -> None:
        """Raise InvalidInput for an embedder that a client may not choose."""
        plain = name.removeprefix("sentence-transformers/")
        if not {name, plain} & {*self.embedders} and not HASHING.fullmatch(name):
            choices = ", ".join((*self.embedders, "hashing-N"))
            raise InvalidInput(
                f"embedder {name[:80]!r} is not allowed here; choose one of {choices}, "
                "or have the operator add it to PRECEDENT_EMBEDDERS",
                "embedder",
            )

    def check_tokenizer(self, name: str) -> None:
        """Raise InvalidInput for a tokenizer that a client may not choose: a path could be any file."""
        allowed = (*TOKENIZERS, *self.tokenizers)
        if name not in allowed:
            raise InvalidInput(
                f"tokenizer {name[:80]!r} is not allowed here; choose one of {', '.join(allowed)}, "
                "or have the operator add it to PRECEDENT_TOKENIZERS",
                "tokenizer",
            )

    @property
    def needs_no_key(self) -> bool:
        """Whether the service answers without any key while none was ever made."""
        return self.insecure or is_loopback(self.host)

    def check_address(self, keyed: bool) -> None:
        """Raise InvalidInput for an address that others reach where there are no keys, unless told to."""
        if not keyed and not self.needs_no_key:
            raise InvalidInput(
                f"{self.host} can be reached from other machines, and there are no API keys: "
                "make one with precedent keys create, use 127.0.0.1, "
                "or --insecure if everyone who can reach it may read and write",
                "host",
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(**given: Any) -> Settings:
    """Settings from the environment; what is given (and not None) stands above it.

    Raises
    ------
    InvalidInput
        With the name of the setting, or of the variable it is from, and what is wrong with it.
    """
    settings, faults = read_settings(**given)
    if faults:
        named = {variable(name) if given.get(name) is None else name: what for name, what in faults.items()}
        all_of_them = "; ".join(f"{name}: {what}" for name, what in named.items())
        raise InvalidInput(f"settings: {all_of_them}", next(iter(faults)))
    return settings


def read_settings(**given: Any) -> tuple[Settings, dict[str, str]]:
    """The settings with the default of each that can't be, and what is wrong with those, by name."""
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**chosen), {}
    except ValidationError as error:
        faults = {str(fault["loc"][0]): told(fault) for fault in error.errors()}
    defaults = {name: Settings.model_fields[name].get_default() for name in faults}
    return Settings(**chosen | defaults), faults


def variable(name: str) -> str:
    """What a setting is called in the environment."""
    return f"{PREFIX}{name.upper()}"
