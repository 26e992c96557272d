"""The vectors that come with the samples: those that indexing asks for, so a first start embeds nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from indexing.embedder import CHECKSUM, HashingEmbedder, Vectors, load_embedder
from indexing.library import Library
from indexing.store.vector_files import PackedVectors
from indexing.store.vectors import text_hash
from samples.making.vectors import Made, index_without_vectors, write_vectors
from service.samples import VECTORS, SampleLoader
from tests.support.shell import lines_of, trajectory

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
NAMES = sorted(path.parent.name for path in SAMPLES.glob("*/collection.json"))
MINILM = f"sha256:{CHECKSUM}"
AGAIN = "the samples' texts have changed; run: python -m samples.generate --vectors"


class Listening(HashingEmbedder):
    """Takes the place of a model, and hears what it is asked to embed."""

    def __init__(self, fingerprint: str, dimension: int = 384) -> None:
        super().__init__(dimension)
        self.fingerprint = fingerprint
        self.heard: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.heard += texts
        return super().encode(texts)


def shipped(name: str) -> PackedVectors:
    return PackedVectors.from_bytes((SAMPLES / name / VECTORS).read_bytes())


def silently(*_: object, **__: object) -> None:
    """Progress that nobody watches."""


def start(data: Path, sample: Path, embedder: Listening) -> Mapping[bytes, Vectors]:
    """Load a sample into a new data folder; returns the vectors of what was heard and what was brought."""
    with Library(data, lambda _: embedder) as library:
        SampleLoader(library, sample.parent).load(sample, silently, silently)
        keys = [text_hash(text) for text in embedder.heard]
        return library.vectors.get(embedder.fingerprint, keys)


@pytest.mark.parametrize("name", NAMES)
def test_they_are_those_of_the_texts_that_indexing_asks_for(name: str) -> None:
    embedder = Listening(MINILM)
    index_without_vectors(SAMPLES / name, embedder)
    packed = shipped(name)
    assert {text_hash(text) for text in embedder.heard} == packed.vectors.keys(), AGAIN
    assert (packed.model, packed.dimension) == (MINILM, 384)


@pytest.mark.parametrize("name", NAMES)
def test_a_first_start_embeds_nothing(name: str, tmp_path: Path) -> None:
    embedder = Listening(MINILM)
    start(tmp_path / "data", SAMPLES / name, embedder)
    assert embedder.heard == [], AGAIN


@pytest.mark.whole
def test_they_are_the_models_own() -> None:
    model, listening = load_embedder(), Listening(MINILM)
    for name in NAMES:
        listening.heard.clear()
        index_without_vectors(SAMPLES / name, listening)
        vectors = shipped(name).vectors
        for text in sorted(listening.heard, key=len)[:6]:
            np.testing.assert_allclose(vectors[text_hash(text)], model.encode_query(text), atol=1e-4)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A small sample with its vectors."""
    folder = tmp_path / "samples" / "forms"
    folder.mkdir(parents=True)
    (folder / "collection.json").write_text("{}")
    (folder / "trajectories.ndjson").write_bytes(lines_of(*map(trajectory, range(3))))
    write_vectors(folder, Listening("a model", 8))
    return folder


def test_vectors_of_texts_that_stay_stay_as_they_are(sample: Path) -> None:
    before = PackedVectors.from_bytes((sample / VECTORS).read_bytes()).vectors
    marked = {key: np.full(8, rank, np.float32) for rank, key in enumerate(before)}
    (sample / VECTORS).write_bytes(PackedVectors("a model", 8, marked).to_bytes())
    (sample / "trajectories.ndjson").write_bytes(lines_of(*map(trajectory, range(1, 4))))
    made = write_vectors(sample, Listening("a model", 8))
    after = PackedVectors.from_bytes((sample / VECTORS).read_bytes()).vectors
    stayed = after.keys() & marked.keys()
    assert made == Made(len(stayed), len(after) - len(stayed))
    assert 0 < made.kept < len(marked)
    assert made.fresh > 0
    assert all(np.array_equal(after[key], marked[key]) for key in stayed)


def test_another_models_vectors_are_told_and_not_used(
    sample: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    embedder = Listening("another model", 8)
    found = start(tmp_path / "data", sample, embedder)
    assert len(found) == len(embedder.heard) > 0
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told.startswith(f"{sample / VECTORS} is not used")


def test_vectors_of_another_length_are_not_used(sample: Path, tmp_path: Path) -> None:
    embedder = Listening("a model", 16)
    found = start(tmp_path / "data", sample, embedder)
    assert {len(vector) for vector in found.values()} == {16}


def test_a_damaged_file_is_told_and_the_texts_are_embedded(
    sample: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = bytearray((sample / VECTORS).read_bytes())
    file[-40] ^= 1
    (sample / VECTORS).write_bytes(file)
    embedder = Listening("a model", 8)
    found = start(tmp_path / "data", sample, embedder)
    assert len(found) == len(embedder.heard) > 0
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told.startswith(f"{sample / VECTORS} is not used")
    assert "checksum" in told


def test_a_sample_without_vectors_is_embedded_quietly(
    sample: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (sample / VECTORS).unlink()
    embedder = Listening("a model", 8)
    start(tmp_path / "data", sample, embedder)
    assert embedder.heard
    assert not caplog.records


def test_indexing_without_vectors_leaves_the_sample_as_it_is(sample: Path) -> None:
    before = {path.name: path.read_bytes() for path in sample.iterdir()}
    index_without_vectors(sample, Listening("a model", 8))
    assert {path.name: path.read_bytes() for path in sample.iterdir()} == before
