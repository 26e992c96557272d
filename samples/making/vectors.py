"""The vectors that come with a sample: those that indexing it asks for, no more and no fewer."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from indexing.embedder import Embedder, Vectors
from indexing.errors import InvalidInput
from indexing.library import Library
from indexing.store.vector_files import PackedVectors
from indexing.store.vectors import Vector, text_hash
from service.samples import VECTORS, SampleLoader


@dataclass(frozen=True, slots=True)
class Made:
    """How many vectors stayed as they were, and how many are new."""

    kept: int
    fresh: int


class Remembering:
    """An embedder that gives a known text its known vector, and remembers every text it was asked.

    What it doesn't know it embeds alone, so that no vector depends on what else was in its batch.
    """

    def __init__(self, embedder: Embedder, known: Mapping[bytes, Vector]) -> None:
        self.name = embedder.name
        self.fingerprint = embedder.fingerprint
        self.dimension = embedder.dimension
        self.asked: dict[bytes, Vector] = {}
        self._embedder = embedder
        self._known = known

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = [self.encode_query(text) for text in texts]
        return np.stack(vectors) if vectors else np.empty((0, self.dimension), np.float32)

    def encode_query(self, text: str) -> Vectors:
        key = text_hash(text)
        known = self._known.get(key)
        self.asked[key] = known if known is not None else self._embedder.encode_query(text)
        return self.asked[key]


def index_without_vectors(sample: Path, embedder: Embedder) -> None:
    """Index a sample's records as a first start does that finds no vectors; nothing of it stays."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "samples" / sample.name
        shutil.copytree(sample, copy, ignore=shutil.ignore_patterns(VECTORS))
        with Library(Path(folder) / "data", lambda _: embedder) as library:
            SampleLoader(library, copy.parent).load(copy, _silent, _silent)


def write_vectors(sample: Path, embedder: Embedder) -> Made:
    """Write the sample's vectors; those already there of the same model and text stay as they are."""
    known = _known(sample / VECTORS, embedder.fingerprint)
    remembering = Remembering(embedder, known)
    index_without_vectors(sample, remembering)
    packed = PackedVectors(embedder.fingerprint, embedder.dimension, remembering.asked)
    (sample / VECTORS).write_bytes(packed.to_bytes())
    kept = len(known.keys() & remembering.asked.keys())
    return Made(kept, len(remembering.asked) - kept)


def _known(path: Path, model: str) -> Mapping[bytes, Vector]:
    try:
        packed = PackedVectors.from_bytes(path.read_bytes())
    except (FileNotFoundError, InvalidInput):
        return {}
    return packed.vectors if packed.model == model else {}


def _silent(*_: object, **__: object) -> None:
    """Progress that nobody watches."""
