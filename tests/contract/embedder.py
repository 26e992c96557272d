"""What every embedder does: inherit `EmbedderContract` beside a fixture `embedder` (scope "module")."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from indexing.embedder import Embedder

TEXTS = [
    "Change the time zone of my profile to UTC",
    "click [23]",
    "",
    " ",
    "Größe ändern 東京 \U0001f600",
    "word " * 2_000,
    "Click [23]",
]


class EmbedderContract:
    """Every test of the seam."""

    def test_rows_are_unit_vectors_of_its_dimension(self, embedder: Embedder) -> None:
        vectors = embedder.encode(TEXTS)
        assert (vectors.shape, vectors.dtype.str) == ((len(TEXTS), embedder.dimension), "<f4")
        lengths = np.linalg.norm(vectors.astype(float), axis=1)
        worded = [bool(text.strip()) for text in TEXTS]
        assert np.abs(lengths[worded] - 1).max() < 1e-5
        assert np.isfinite(vectors).all()

    def test_no_texts_are_no_rows(self, embedder: Embedder) -> None:
        assert embedder.encode([]).shape == (0, embedder.dimension)

    def test_a_query_is_a_vector_near_to_its_row(self, embedder: Embedder) -> None:
        for text, row in zip(TEXTS, embedder.encode(TEXTS), strict=True):
            query = embedder.encode_query(text)
            assert (query.shape, query.dtype.str) == ((embedder.dimension,), "<f4")
            assert np.abs(query - row).max() < 1e-5

    def test_a_query_has_the_same_bits_whatever_else_is_embedded(self, embedder: Embedder) -> None:
        alone = [embedder.encode_query(text).tobytes() for text in TEXTS]
        stop = threading.Event()

        def batches() -> None:
            while not stop.is_set():
                embedder.encode(TEXTS[:3] * 2)

        with ThreadPoolExecutor(4) as pool:
            busy = [pool.submit(batches) for _ in range(2)]
            asked = [pool.submit(embedder.encode_query, text) for text in TEXTS * 2]
            together = [done.result().tobytes() for done in asked]
            stop.set()
            for one in busy:
                one.result()
        assert together == alone * 2

    def test_it_says_who_it_is(self, embedder: Embedder) -> None:
        assert embedder.name
        assert embedder.fingerprint
        assert embedder.dimension > 0
