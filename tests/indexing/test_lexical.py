"""BM25 against rank_bm25, the slow oracle, and against itself cut into segments."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from indexing.lexical import MAX_QUERY_TERMS, Bm25, Idf, LexicalIndex, contenders, hash_terms

Corpus = Sequence[Sequence[str]]

WORDS = st.sampled_from(["a", "b", "c", "d", "click", "the", "red", "é", "7"])
TEXTS = st.lists(WORDS, max_size=8)
CORPORA = st.lists(TEXTS, min_size=1, max_size=12).filter(any)


def varied(size: int) -> list[list[str]]:
    """Words drawn so that few are frequent and many rare."""
    draw = random.Random(size)
    return [
        [f"w{int(draw.paretovariate(0.6)) % 400}" for _ in range(draw.randint(0, 40))] for _ in range(size)
    ]


CORPUS = {
    "one": [["red", "square"]],
    "one, repeated words": [["a", "a", "b"]],
    "two": [["red", "square"], ["blue", "square"]],
    "three, one empty": [["red", "square"], [], ["blue", "circle", "red"]],
    "same text thrice": [["a", "b"], ["a", "b"], ["a", "b"], ["c"]],
    "varied": varied(300),
}
QUERIES = [["red"], ["red", "red", "square"], ["a", "a", "b"], ["unknown"], ["w1", "w2", "w399", "w1"], []]


def index(corpus: Corpus, weights: Sequence[int] | None = None) -> LexicalIndex:
    texts = [hash_terms(text) for text in corpus]
    return LexicalIndex.build(texts, np.array(weights or [1] * len(corpus), np.int32))


def scores(
    corpus: Corpus, query: Sequence[str], idf: Idf = "lucene", cuts: Sequence[int] = ()
) -> list[float]:
    edges = [0, *sorted(cut % (len(corpus) + 1) for cut in cuts), len(corpus)]
    bm25 = Bm25([index(corpus[first:last]) for first, last in pairwise(edges)], idf)
    return [float(score) for part in bm25.scores(query) for score in part]


def ranking(found: Sequence[float]) -> list[int]:
    return sorted(range(len(found)), key=lambda place: (-round(found[place], 6), place))


def agree(corpus: Corpus, query: Sequence[str]) -> None:
    expected = [float(score) for score in BM25Okapi(corpus).get_scores(query)]
    found = scores(corpus, query, "okapi")
    assert found == pytest.approx(expected, abs=1e-6)
    assert ranking(found) == ranking(expected)


@pytest.mark.parametrize("name", CORPUS)
@pytest.mark.parametrize("query", QUERIES, ids=" ".join)
def test_okapi_is_rank_bm25(name: str, query: list[str]) -> None:
    agree(CORPUS[name], query)


@given(CORPORA, TEXTS)
def test_okapi_is_rank_bm25_on_any_corpus(corpus: list[list[str]], query: list[str]) -> None:
    agree(corpus, query)


@given(CORPORA, TEXTS, st.lists(st.integers(0, 12), max_size=3), st.sampled_from(["lucene", "okapi"]))
def test_segments_together_score_as_one(
    corpus: list[list[str]], query: list[str], cuts: list[int], idf: Idf
) -> None:
    assert scores(corpus, query, idf, cuts) == pytest.approx(scores(corpus, query, idf), abs=1e-12)
    if idf == "lucene":  # the floor of okapi is a mean, summed in another order
        assert scores(corpus, query, idf, cuts) == scores(corpus, query, idf)


@given(st.lists(st.tuples(TEXTS, st.integers(1, 4)), min_size=1, max_size=6), TEXTS)
def test_a_weight_is_so_many_rows(rows: list[tuple[list[str], int]], query: list[str]) -> None:
    corpus, weights = [text for text, _ in rows], [weight for _, weight in rows]
    repeated = [text for text, weight in rows for _ in range(weight)]
    weighed = Bm25([index(corpus, weights)]).scores(query)[0]
    assert np.repeat(weighed, weights).tolist() == pytest.approx(scores(repeated, query), abs=1e-12)


@given(CORPORA, st.data())
def test_the_ideal_is_what_an_equal_row_gets_and_no_row_of_its_words_exceeds_it(
    corpus: list[list[str]], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(corpus) - 1))
    bm25 = Bm25([index(corpus)])
    ideal = bm25.ideal(corpus[place])
    assert bm25.scores(corpus[place])[0][place] == pytest.approx(ideal, abs=1e-12)
    assert ideal > 0 or not corpus[place]


def test_the_ideal_of_a_very_long_observation_is_what_it_gets() -> None:
    long = [f"w{number}" for number in range(3 * MAX_QUERY_TERMS)]
    bm25 = Bm25([index([long, long[:MAX_QUERY_TERMS], ["w1", "w2"]])])
    assert bm25.scores(long)[0][0] == pytest.approx(bm25.ideal(long), rel=1e-9)


def test_a_very_long_query_keeps_its_rarest_words() -> None:
    common = [f"w{number}" for number in range(2 * MAX_QUERY_TERMS)]
    corpus = [common, common, common, [*common, "rare"]]
    found = scores(corpus, [*common, "rare"])
    assert ranking(found)[0] == 3
    assert min(found) > 0


@pytest.mark.parametrize("idf", ["lucene", "okapi"])
def test_nothing_indexed_scores_nothing(idf: Idf) -> None:
    assert [part.tolist() for part in Bm25([], idf).scores(["a"])] == []
    assert [part.tolist() for part in Bm25([index([])], idf).scores(["a"])] == [[]]
    assert [part.tolist() for part in Bm25([index([[], []])], idf).scores(["a"])] == [[0.0, 0.0]]
    assert Bm25([index([["a"]])], idf).ideal([]) == 0.0


@given(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]), max_size=10), st.integers(-1, 12))
def test_contenders_are_the_best_and_what_ties_with_them(found: list[float], k: int) -> None:
    best = sorted(found, reverse=True)[:k] if k > 0 else []
    bar = best[-1] if best else float("inf")
    expected = [place for place, score in enumerate(found) if score > 0 and score >= bar]
    assert contenders(np.array(found, float), k).tolist() == expected
