"""What an operator may set for one collection; every setting has a default."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from indexing.embedder import DEFAULT
from indexing.errors import InvalidInput
from indexing.records import JSON
from indexing.store.catalog import Collection

DOCUMENTS_ENGINES = ("rank-bm25", "dense")
TEXTS = ("environment", "embedder", "tokenizer", "documents_engine")


@dataclass(frozen=True, slots=True)
class CollectionSettings:
    """Settings of a collection. Those in `INDEXED` take effect with the next generation."""

    environment: str | None = None
    embedder: str = DEFAULT
    observation_normalizer: Any = "text"
    tokenizer: str = "minilm"
    documents_engine: str = "rank-bm25"

    def to_fields(self) -> dict[str, JSON]:
        return asdict(self)

    def updated(self, changes: Mapping[str, JSON]) -> CollectionSettings:
        """These settings with some changed; null changes nothing, as if it weren't there."""
        defaults = CollectionSettings().to_fields()
        if unknown := set(changes) - set(defaults):
            name = min(unknown)
            raise InvalidInput(f"unknown setting {name!r}; there are {', '.join(defaults)}", name)
        given = {name: value for name, value in changes.items() if value is not None}
        for name in TEXTS:
            if not isinstance(given.get(name, ""), str | None):
                raise InvalidInput(f"{name} is a text, not {given[name]!r:.80}", name)
        if given.get("documents_engine", DOCUMENTS_ENGINES[0]) not in DOCUMENTS_ENGINES:
            raise InvalidInput(
                f"unknown documents_engine; choose one of {', '.join(DOCUMENTS_ENGINES)}", "documents_engine"
            )
        return CollectionSettings(**(self.to_fields() | given))

    def indexed_unlike(self, other: CollectionSettings) -> dict[str, JSON]:
        """Those of `INDEXED` that have another value there, with the value they have here."""
        here, there = self.to_fields(), other.to_fields()
        return {name: here[name] for name in INDEXED if here[name] != there[name]}


def settings_of(collection: Collection) -> CollectionSettings:
    """A collection's settings as its row keeps them."""
    return CollectionSettings().updated(collection.settings)


def assigned(settings: Mapping[str, JSON]) -> str:
    """Settings as the command line takes them: `--set tokenizer=words`, quoted for the shell."""
    told = {name: value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()}
    return " ".join(f"--set {shlex.quote(f'{name}={value}')}" for name, value in told.items())


SETTINGS = tuple(field.name for field in fields(CollectionSettings))
INDEXED = ("embedder", "observation_normalizer", "tokenizer", "documents_engine")
"""Settings that a generation is built with: a change waits for `reindex`."""
