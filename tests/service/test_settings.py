from __future__ import annotations

import re
from pathlib import Path

import pytest

from indexing.errors import InvalidInput
from indexing.settings import SETTINGS
from retrievers.query_writers import ModelWriter, TemplateWriter
from service.schemas import SettingsIn
from service.settings import Settings, is_loopback, load_settings, read_settings
from service.writers import query_writer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_every_setting_is_on_the_page_and_has_a_default() -> None:
    told = set(re.findall(r"^\| `PRECEDENT_([A-Z_]+)`", PAGE.read_text(), re.MULTILINE))
    assert told == {name.upper() for name in Settings.model_fields}
    assert not [name for name, field in Settings.model_fields.items() if field.is_required()]
    of_collections = re.findall(r"^\| `([a-z_]+)`", PAGE.read_text(), re.MULTILINE)
    assert set(of_collections) == set(SETTINGS) == set(SettingsIn.model_fields)


def test_what_is_given_stands_above_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEDENT_PORT", "9000")
    monkeypatch.setenv("PRECEDENT_EMBEDDERS", "all-MiniLM-L6-v2, someone/model")
    assert load_settings().port == 9000
    assert load_settings(port=1, host=None).port == 1
    load_settings().check_embedder("someone/model")


@pytest.mark.parametrize(("name", "value"), [("port", "x"), ("port", 70000), ("max_body_bytes", 1)])
def test_a_value_that_cannot_be_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=name) as refused:
        load_settings(**{name: value})
    assert refused.value.field == name


def test_a_value_from_the_environment_is_refused_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEDENT_PORT", "abc")
    monkeypatch.setenv("PRECEDENT_RATE_LIMIT", "-1")
    with pytest.raises(InvalidInput, match=r"PRECEDENT_PORT: .*; PRECEDENT_RATE_LIMIT: "):
        load_settings()
    settings, faults = read_settings(rate_burst=7)
    assert (settings.port, settings.rate_limit, settings.rate_burst) == (8000, None, 7)
    assert faults.keys() == {"port", "rate_limit"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_needs_no_leave(host: str) -> None:
    assert is_loopback(host)
    assert Settings(host=host).needs_no_key
    Settings(host=host).check_address(keyed=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_an_address_that_others_reach_must_be_asked_for(host: str) -> None:
    with pytest.raises(InvalidInput, match="--insecure"):
        Settings(host=host).check_address(keyed=False)
    assert not Settings(host=host).needs_no_key
    Settings(host=host).check_address(keyed=True)
    Settings(host=host, insecure=True).check_address(keyed=False)


@pytest.mark.parametrize("name", ["hashing-8", "hashing-4096", "all-MiniLM-L6-v2"])
def test_known_embedders_are_allowed(name: str) -> None:
    Settings().check_embedder(name)


@pytest.mark.parametrize("name", ["", "hashing-", "hashing-٣", "hashing-8\n", "../model", "someone/model"])
def test_other_embedders_are_not(name: str) -> None:
    with pytest.raises(InvalidInput, match="PRECEDENT_EMBEDDERS"):
        Settings().check_embedder(name)


async def writer_of(settings: Settings) -> type[object]:
    async with query_writer(settings) as writer:
        return type(writer)


def test_a_model_writes_queries_where_one_is_named() -> None:
    import asyncio

    assert asyncio.run(writer_of(Settings())) is TemplateWriter
    named = Settings(model_name="small", model_url="http://127.0.0.1:9/v1")
    assert asyncio.run(writer_of(named)) is ModelWriter


def test_a_key_is_never_shown() -> None:
    settings = load_settings(model_name="m", model_api_key="sk-secret")
    assert "sk-secret" not in repr(settings) + repr(settings.model())
    assert settings.model() is not None


def test_the_default_embedder_may_be_called_by_its_full_name() -> None:
    settings = Settings()
    settings.check_embedder("sentence-transformers/all-MiniLM-L6-v2")
    with pytest.raises(InvalidInput, match="not allowed here"):
        settings.check_embedder("sentence-transformers/another")
