"""Vectors in a file, so that what was embedded once need not be embedded on another machine.

A line of JSON (format, model, dimension, number of texts), the texts' hashes in order, the vectors
in the same order as little-endian float32, and BLAKE2b, 16 bytes, of all before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from pydantic_core import from_json, to_json

from indexing.errors import InvalidInput
from indexing.store.vectors import Vector

FORMAT = 1
KEY = 16
"""Bytes of a text's hash, and of the checksum."""


@dataclass(frozen=True, slots=True)
class PackedVectors:
    """The vectors of one model by the hash of their text."""

    model: str
    dimension: int
    vectors: Mapping[bytes, Vector]

    def to_bytes(self) -> bytes:
        """The file: the same vectors give the same bytes."""
        facts = {
            "format": FORMAT,
            "model": self.model,
            "dimension": self.dimension,
            "texts": len(self.vectors),
        }
        keys = sorted(self.vectors)
        rows = [self.vectors[key].astype("<f4").tobytes() for key in keys]
        content = to_json(facts) + b"\n" + b"".join(keys + rows)
        return content + _checksum(content)

    @classmethod
    def from_bytes(cls, file: bytes) -> PackedVectors:
        """Inverse of `to_bytes`; raises InvalidInput for whatever isn't whole and finite."""
        content, checksum = file[:-KEY], file[-KEY:]
        if _checksum(content) != checksum:
            raise InvalidInput("no whole file of vectors: its checksum is another")
        header, _, body = content.partition(b"\n")
        model, dimension, texts = _read_header(header)
        if min(dimension, texts) < 0 or len(body) != texts * (KEY + 4 * dimension):
            raise InvalidInput("a file of vectors with another size than it says")
        keys = [body[at : at + KEY] for at in range(0, texts * KEY, KEY)]
        rows = np.frombuffer(body, "<f4", texts * dimension, texts * KEY).astype(np.float32, copy=False)
        if not np.isfinite(rows).all():
            raise InvalidInput("a file of vectors that aren't all finite")
        return cls(model, dimension, dict(zip(keys, rows.reshape(texts, dimension), strict=True)))


def _checksum(content: bytes) -> bytes:
    return blake2b(content, digest_size=KEY).digest()


def _read_header(header: bytes) -> tuple[str, int, int]:
    try:
        found = from_json(header)
    except ValueError as error:
        raise InvalidInput("no file of vectors: its first line isn't JSON") from error
    match found:
        case {"format": known, "model": str(model), "dimension": int(dimension), "texts": int(texts)} if (
            known == FORMAT
        ):
            return model, dimension, texts
        case _:
            raise InvalidInput("a file of vectors of a form that this version doesn't read")
