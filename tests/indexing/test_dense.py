"""Exact search over unit vectors against numpy, ties and near-ties included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.dense import DenseIndex, Vectors, similarity

DIMENSION = 16


def unit(seed: int, rows: int, copies: int = 1) -> Vectors:
    """Unit vectors, each distinct one `copies` times, shuffled."""
    draw = np.random.default_rng(seed)
    vectors = np.repeat(draw.normal(size=(rows, DIMENSION)), copies, axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Vectors = draw.permutation(vectors).astype(np.float32)
    return found


def nearest(
    vectors: Vectors, query: Vectors, k: int, allowed: np.ndarray[tuple[int], np.dtype[np.bool_]] | None
) -> list[int]:
    scores = similarity(vectors, query)
    rows = [row for row in range(len(vectors)) if allowed is None or allowed[row]]
    rows.sort(key=lambda row: (-scores[row], row))
    return [row for row in rows if k > 0 and scores[row] >= scores[rows[min(k, len(rows)) - 1]]]


@given(
    seed=st.integers(0, 99),
    rows=st.integers(0, 40),
    copies=st.sampled_from([1, 2, 30]),
    k=st.integers(0, 50),
    share=st.sampled_from([None, 0.0, 0.3, 1.0]),
)
def test_the_nearest_and_what_ties_with_them(
    seed: int, rows: int, copies: int, k: int, share: float | None
) -> None:
    vectors = unit(seed, rows, copies)
    query = vectors[0] if len(vectors) else unit(seed, 1)[0]
    allowed = None if share is None else np.random.default_rng(seed).random(len(vectors)) < share
    found, scores = DenseIndex.build(vectors, DIMENSION).search(query, k, allowed)
    assert found.tolist() == nearest(vectors, query, k, allowed)
    assert scores.tolist() == similarity(vectors[found], query).tolist()


def test_hundreds_of_equal_vectors_are_all_told_wherever_they_stand() -> None:
    vectors = np.concatenate([unit(1, 500), np.repeat(unit(2, 1), 900, axis=0), unit(3, 500)])
    found, scores = DenseIndex.build(vectors, DIMENSION).search(vectors[500], 5)
    assert found.tolist() == list(range(500, 1400))
    assert scores == pytest.approx(1.0)


def test_a_vector_scores_the_same_among_any_others() -> None:
    vectors, query = unit(4, 1000), unit(5, 1)[0]
    whole = dict(
        zip(
            *(part.tolist() for part in DenseIndex.build(vectors, DIMENSION).search(query, 1000)), strict=True
        )
    )
    for row in range(0, 1000, 97):
        _, alone = DenseIndex.build(vectors[row : row + 1], DIMENSION).search(query, 1)
        assert alone[0] == whole[row]


@pytest.mark.parametrize("rows", [0, 1, 20])
def test_saved_and_mapped_it_finds_the_same(tmp_path: Path, rows: int) -> None:
    built = DenseIndex.build(unit(6, rows), DIMENSION)
    built.save(tmp_path / "vectors.faiss")
    loaded = DenseIndex.load(tmp_path / "vectors.faiss")
    query = unit(7, 1)[0]
    assert (loaded.size, loaded.dimension) == (rows, DIMENSION)
    for ours, theirs in zip(built.search(query, 9), loaded.search(query, 9), strict=True):
        assert ours.tolist() == theirs.tolist()
