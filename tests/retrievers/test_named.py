from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.records import Step, Trajectory
from retrievers.moments import NAMED, NAMED_COUNTS, learn_moments
from retrievers.named import MOST, Named, hashed, named
from retrievers.requests import Request
from retrievers.retrieval import retrieve
from retrievers.situation import Situation
from retrievers.slots import LONGEST
from tests.retrievers.families import Bench

WORDS = st.sampled_from(["pear", "fig", "7", "mug", "shelf", "東京"])
POSITIONS = st.lists(st.lists(WORDS, max_size=4), min_size=1, max_size=6)


def of(positions: list[list[str]]) -> Named:
    words = hashed(word for words in positions for word in words)
    return Named(words, np.array([len(words) for words in positions], np.uint8))


@given(POSITIONS, st.frozensets(WORDS), st.data())
def test_the_share_in_sight_is_that_of_looking_at_each_word(
    positions: list[list[str]], sight: frozenset[str], data: st.DataObject
) -> None:
    asked = data.draw(st.lists(st.integers(0, len(positions) - 1)))
    found = of(positions).in_sight(np.array(asked, np.int64), hashed(sight))
    each = [[word in sight for word in positions[number]] for number in asked]
    assert found.tolist() == [sum(seen) / len(seen) if seen else 1.0 for seen in each]


@given(st.text(), st.text())
def test_any_action_names_a_few_words_that_its_advice_does_not_say(action: str, advice: str) -> None:
    words = named(action, advice)
    assert len(words) <= MOST
    assert len(set(words)) == len(words)
    assert not set(words) & set(named(advice, ""))


@pytest.mark.parametrize(
    ("action", "advice", "words"),
    [
        ("go to desk 1", "go to desk <c>", ["1"]),
        ('click [9] button "Save draft"', "click <c> button <i>", ["9", "save", "draft"]),
        ("look", "look", []),
        ("", "", []),
        ("say " + "x" * LONGEST + " 1", "say _", ["x" * (LONGEST - 4)]),
    ],
)
def test_what_advice_leaves_open_is_named(action: str, advice: str, words: list[str]) -> None:
    assert named(action, advice) == words


def fetched(id: str, thing: str, observation: str) -> Trajectory:
    return Trajectory(id, f"Fetch something for guest {id}", (Step(observation, f"take {thing}"),))


@pytest.mark.parametrize("generation", ["this version's", "one before things were named"])
def test_of_those_who_did_the_same_the_one_whose_thing_is_here_comes_first(
    tmp_path: Path, generation: str
) -> None:
    bench = Bench(tmp_path)
    records = [
        fetched("1", "pear", "On the table lie a plate, a cup and a pear."),
        fetched("2", "fig", "A bowl with a fig."),
    ]
    learned = dict(learn_moments(bench.segment(records)))
    if generation != "this version's":
        del learned[NAMED], learned[NAMED_COUNTS]
    snapshot = bench.snapshot(records, learned=learned)
    for thing, first in (("fig", "2"), ("pear", "1"), ("spoon", "1")):
        here = Situation("Fetch something for guest 3", (), f"On the table lie a plate, a cup and a {thing}.")
        shown = retrieve(snapshot, bench.lane, Request(here)).demonstrations
        assert shown[0].id == first, thing
