"""BM25: our index against rank_bm25, the same answers first, then the time; bm25s beside it to compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np

from benchmarks import synthetic
from benchmarks.comparison import Bar, Comparison, Round
from benchmarks.corpora import corpus
from benchmarks.timing import by_turns, spread
from indexing.lexical import Bm25, LexicalIndex, contenders, hash_terms
from indexing.terms import terms

TOP = 10
TOLERANCE = 1e-6
Texts = Sequence[list[str]]


class Ours:
    """The index as a collection has it: a row for each distinct text, weighted by how often it occurs."""

    def __init__(self, texts: Texts) -> None:
        rows = Counter(map(tuple, texts))
        place = {text: row for row, text in enumerate(rows)}
        self.row = np.array([place[tuple(text)] for text in texts], np.int64)
        weights = np.fromiter(rows.values(), np.int32, len(rows))
        self.bm25 = Bm25([LexicalIndex.build([hash_terms(text) for text in rows], weights)], idf="okapi")

    def scores(self, query: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Of every text."""
        return self.bm25.scores(query)[0][self.row]


def _best(scores: np.ndarray[Any, np.dtype[np.float64]]) -> list[int]:
    """The best texts by score, ties by place; what differs by less than the tolerance ties."""
    found = contenders(scores, TOP)
    order = np.lexsort((found, -scores[found].round(6)))[:TOP]
    return [int(number) for number in found[order]]


def _queries(texts: Texts, count: int, words: int, seed: int = 7) -> list[list[str]]:
    """Runs of words from texts all over the corpus, each query another."""
    random = np.random.default_rng(seed)
    long = [text for text in texts if len(text) >= words] or [text for text in texts if text]
    chosen = random.permutation(len(long))[:count]
    starts = [int(random.integers(max(len(long[number]) - words, 0) + 1)) for number in chosen]
    return [long[number][start : start + words] for number, start in zip(chosen, starts, strict=True)]


def _observations(round_: Round, count: int) -> tuple[str, list[list[str]]]:
    """Distinct observations of real episodes as terms, or made-up texts where there are too few."""
    found = corpus(round_, 17_193)
    distinct = dict.fromkeys(step.observation for record in found.stored for step in record.steps)
    if len(distinct) < count:
        return "synthetic texts (seed 2)", [terms(text) for text in synthetic.texts(2, count)]
    return f"observations of {found.name}", [terms(text) for text in list(distinct)[:count]]


def _agreement(name: str, texts: Texts, queries: Sequence[list[str]]) -> Comparison:
    from rank_bm25 import BM25Okapi

    ours, oracle = Ours(texts), BM25Okapi(texts)
    worst, differing = 0.0, 0
    for query in queries:
        mine, theirs = ours.scores(query), np.asarray(oracle.get_scores(query))
        worst = max(worst, float(np.abs(mine - theirs).max()))
        differing += _best(mine) != _best(theirs)
    facts = {"documents": len(texts), "queries": len(queries), "rankings that differ": differing}
    agree = worst <= TOLERANCE and not differing
    return Comparison(
        f"lexical, {name}: queries with the scores (within {TOLERANCE:g}) and ranking of rank_bm25",
        "share", float(agree), 1.0, f"largest difference {worst:.1e}", Bar(1.0, at_least=True), facts,
    )  # fmt: skip


def _bm25s(texts: Texts) -> Any:
    if find_spec("bm25s") is None:
        return None
    bm25s = import_module("bm25s")
    index = bm25s.BM25(k1=1.5, b=0.75)
    index.index(texts, show_progress=False)
    return index


def _speed(name: str, texts: Texts, count: int, words: int, bar: Bar | None) -> Comparison:
    from rank_bm25 import BM25Okapi

    ours, oracle, other = Ours(texts), BM25Okapi(texts), _bm25s(texts)
    queries = _queries(texts, count, words)
    contenders(ours.scores(queries[0]), TOP)

    def by_bm25s(query: list[str]) -> None:
        if other is not None:
            other.retrieve([query], k=TOP, show_progress=False, n_threads=0)

    by_bm25s(queries[0])
    mine, theirs, third = by_turns(
        queries,
        lambda query: contenders(ours.scores(query), TOP),
        lambda query: contenders(np.asarray(oracle.get_scores(query)), TOP),
        by_bm25s,
    )
    facts: dict[str, Any] = {
        "words in a query": words,
        "queries": len(queries),
        "ours, ms": spread(mine),
        "rank_bm25, ms": spread(theirs),
    }
    if other is not None:
        facts["bm25s, ms, for information"] = spread(third)
    return Comparison(
        f"lexical, {len(texts):,} {name}, {words} words", "queries/s", 1 / median(mine), 1 / median(theirs),
        "rank_bm25, same scores, best 10 taken the same way", bar, facts,
    )  # fmt: skip


def run(round_: Round) -> Iterator[Comparison]:
    """Agreement on six corpora, then queries a second at 10,000 and 100,000 texts."""
    tiny = [terms("Open issue 7 in the tracker"), terms("Close the tracker"), terms("the the the tracker")]
    for size in (1, 2, 3):
        yield _agreement(f"{size} documents", tiny[:size], [*tiny, terms("open tracker unheard")])
    name, observations = _observations(round_, 100_000)
    made = [terms(text) for text in synthetic.texts(3, round_.count(2_000, 5_000))]
    recurring = [terms(text) for text in synthetic.texts(4, 60, 3, 6)] * 20
    asked = round_.count(40, 200)
    for title, texts in (
        ("synthetic texts", made),
        ("texts that recur", recurring),
        (name, observations[: round_.count(3_000, 10_000)]),
    ):
        yield _agreement(title, texts, _queries(texts, asked, 8) + _queries(texts, asked, 40))
    for size, bar in ((10_000, None), (100_000, Bar(50.0, at_least=True))):
        yield _speed(name, observations[:size], round_.count(20, 100), 8, bar)
        yield _speed(name, observations[:size], round_.count(10, 50), 40, None)
