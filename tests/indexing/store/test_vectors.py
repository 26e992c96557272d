from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from indexing.store.database import read
from indexing.store.schema import embeddings
from indexing.store.vectors import VectorCache, text_hash


@pytest.fixture
def cache(engine: Engine) -> VectorCache:
    return VectorCache(engine)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_s_hash_is_blake2b_of_its_utf8(text: str) -> None:
    assert text_hash(text) == hashlib.blake2b(text.encode(), digest_size=16).digest()


def test_vectors_come_back_bit_for_bit(cache: VectorCache) -> None:
    rng = np.random.default_rng(0)
    vectors = {text_hash(str(i)): rng.standard_normal(384).astype(np.float32) for i in range(1203)}
    cache.put("model", vectors)
    found = cache.get("model", [*vectors, *vectors, text_hash("unknown")])
    assert found.keys() == vectors.keys()
    for key, vector in found.items():
        assert vector.dtype == np.float32
        np.testing.assert_array_equal(vector, vectors[key])


def test_models_are_apart(cache: VectorCache) -> None:
    key = text_hash("a")
    cache.put("one", {key: np.zeros(2)})
    assert cache.get("other", [key]) == {}


def test_what_is_there_already_stands(cache: VectorCache) -> None:
    a, b = text_hash("a"), text_hash("b")
    cache.put("model", {a: np.zeros(2)})
    cache.put("model", {a: np.ones(2), b: np.ones(2)})
    found = cache.get("model", [a, b])
    assert [found[a].tolist(), found[b].tolist()] == [[0, 0], [1, 1]]


def test_nothing_asked_nothing_done(cache: VectorCache) -> None:
    cache.put("model", {})
    assert cache.get("model", []) == {}


def test_vectors_are_kept_as_little_endian_float32(cache: VectorCache, engine: Engine) -> None:
    cache.put("model", {text_hash("a"): np.array([1.0, -2.0], ">f8")})
    with read(engine) as connection:
        (kept,) = connection.scalars(select(embeddings.c.vector)).all()
    assert bytes(kept) == b"\x00\x00\x80\x3f\x00\x00\x00\xc0"
