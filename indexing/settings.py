"""What an operator may set for one collection; every setting has a default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from indexing.embedder import DEFAULT
from indexing.errors import InvalidInput
from indexing.records import JSON

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
        """These settings with some changed; null gives a setting its default back."""
        defaults = CollectionSettings().to_fields()
        if unknown := set(changes) - set(defaults):
            name = min(unknown)
            raise InvalidInput(f"unknown setting {name!r}; there are {', '.join(defaults)}", name)
        given = {name: defaults[name] if value is None else value for name, value in changes.items()}
        for name in TEXTS:
            if not isinstance(given.get(name, ""), str | None):
                raise InvalidInput(f"{name} is a text, not {given[name]!r:.80}", name)
        if given.get("documents_engine", DOCUMENTS_ENGINES[0]) not in DOCUMENTS_ENGINES:
            raise InvalidInput(
                f"unknown documents_engine; choose one of {', '.join(DOCUMENTS_ENGINES)}", "documents_engine"
            )
        return CollectionSettings(**(self.to_fields() | given))


SETTINGS = tuple(field.name for field in fields(CollectionSettings))
INDEXED = ("embedder", "observation_normalizer", "tokenizer", "documents_engine")
"""Settings that a generation is built with: a change waits for `reindex`."""
