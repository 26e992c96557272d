"""Embeddings by model and text, so that nothing is embedded twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select

from indexing.store.database import read, write
from indexing.store.dialects import insert_into
from indexing.store.schema import embeddings

Vector: TypeAlias = NDArray[np.float32]

PARAMETERS = 500
"""Most hashes in one statement."""


def text_hash(text: str) -> bytes:
    """BLAKE2b, 16 bytes, of the text's UTF-8."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def find_vectors(
    connection: Connection, model: str, hashes: Sequence[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    """Those of the vectors that are there, as they are kept."""
    wanted = list(dict.fromkeys(hashes))
    query = select(embeddings.c.text_hash, embeddings.c.vector).where(embeddings.c.model == model)
    for start in range(0, len(wanted), PARAMETERS):
        chunk = wanted[start : start + PARAMETERS]
        for key, vector in connection.execute(query.where(embeddings.c.text_hash.in_(chunk))):
            yield bytes(key), bytes(vector)


class VectorCache:
    """Vectors by the model's fingerprint and the text's hash; kept as little-endian float32."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, model: str, hashes: Sequence[bytes]) -> dict[bytes, Vector]:
        """Those of the vectors that are there, read-only."""
        with read(self._engine) as connection:
            kept = list(find_vectors(connection, model, hashes))
        return {key: np.frombuffer(vector, "<f4").astype(np.float32, copy=False) for key, vector in kept}

    def put(self, model: str, vectors: Mapping[bytes, NDArray[np.floating[Any]]]) -> None:
        """Keep vectors; what is there already stands. Durable on return."""
        if not vectors:
            return
        # In one order everywhere, so that two writers of the same texts wait and never deadlock.
        rows = [
            {"model": model, "text_hash": key, "vector": np.asarray(vectors[key], "<f4").tobytes()}
            for key in sorted(vectors)
        ]
        with write(self._engine) as connection:
            connection.execute(insert_into(connection, embeddings).on_conflict_do_nothing(), rows)
