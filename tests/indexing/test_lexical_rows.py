"""Looking rows up gives what adding up all postings gives."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing import lexical
from indexing.lexical import Bm25, LexicalIndex, hash_terms

WORDS = st.sampled_from(["click", "open", "the", "issue", "seven", "close"])
TEXTS = st.lists(st.lists(WORDS, max_size=12), min_size=1, max_size=20)


def index(texts: list[list[str]]) -> LexicalIndex:
    return LexicalIndex.build([hash_terms(text) for text in texts], np.ones(len(texts), np.int32))


@pytest.mark.parametrize("cost", [0, 1_000_000])
@given(first=TEXTS, second=TEXTS, query=st.lists(WORDS, max_size=8), data=st.data())
def test_a_row_scores_the_same_alone_and_with_all_others(
    cost: int, first: list[list[str]], second: list[list[str]], query: list[str], data: st.DataObject
) -> None:
    bm25 = Bm25([index(first), index(second)])
    rows = [
        np.array(data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=9)), np.int32)
        for texts in (first, second)
    ]
    everything = bm25.scores(query)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lexical, "LOOKUP", cost)
        patch.setattr(lexical, "COMMON", 2)
        patch.setattr(lexical, "KEPT", 5)
        score = bm25.scores_at(query)
        for number, (scores, wanted) in enumerate(zip(everything, rows, strict=True)):
            assert score(number, wanted).tolist() == scores[wanted].tolist()


@given(texts=TEXTS, query=st.lists(WORDS, max_size=8))
def test_terms_in_common_are_counted_with_their_repeats(texts: list[list[str]], query: list[str]) -> None:
    found = Bm25([index(texts)]).shared(query)(0, np.arange(len(texts)))
    assert found.tolist() == [(Counter(text) & Counter(query)).total() for text in texts]
