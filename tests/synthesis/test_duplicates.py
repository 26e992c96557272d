"""Near-duplicates, checked against comparing everything with everything."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.errors import InvalidInput
from indexing.records import Step, Trajectory
from synthesis.duplicates import NearDuplicates, course, jaccard, shingles, trajectory_key, words


def plain_shingles(text: str, size: int) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[start : start + size]) for start in range(max(1, len(found) - size + 1))}


def plain_jaccard(first: str, second: str, size: int = 3) -> float:
    ours, theirs = plain_shingles(first, size), plain_shingles(second, size)
    return len(ours & theirs) / len(ours | theirs)


few_words = st.lists(st.sampled_from(["open", "close", "the", "door", "a", "window"]), max_size=12).map(
    " ".join
)


def story(seed: int, length: int = 80) -> str:
    luck = random.Random(seed)
    return " ".join(f"w{luck.randrange(2_000)}" for _ in range(length))


def with_other_words(text: str, count: int, seed: int) -> str:
    luck = random.Random(seed)
    said = text.split()
    for place in luck.sample(range(len(said)), count):
        said[place] = "otherwise"
    return " ".join(said)


def test_the_first_of_equal_texts_wins() -> None:
    seen = NearDuplicates()
    assert seen.add("a", "Boil the water in the kitchen.") is None
    assert seen.add("b", "boil the  water, in the Kitchen") == "a"
    assert seen.add("c", "boil the water in the kitchen") == "a"
    assert len(seen) == 1


def test_signs_that_change_the_sense_tell_texts_apart() -> None:
    seen = NearDuplicates()
    assert [seen.add(text, text) for text in ("price > 5", "price < 5", "price > -5", "'price > 5'.")] == [
        None,
        None,
        None,
        "price > 5",
    ]


def test_texts_without_words_are_equal() -> None:
    seen = NearDuplicates()
    assert (seen.add("a", ""), seen.add("b", " ?! "), seen.add("c", "x")) == (None, "a", None)


def test_scripts_without_spaces_have_words() -> None:
    assert words("東京へ行く") == ["東", "京", "へ", "行", "く"]


def test_texts_are_compared_among_their_own() -> None:
    seen = NearDuplicates()
    assert seen.add("a", "boil the water now", among="boil") is None
    assert seen.add("b", "boil the water now", among="freeze") is None
    assert seen.add("c", "boil the water now", among="freeze") == "b"


def test_what_was_dropped_is_no_measure() -> None:
    one = story(1, 100)
    two = with_other_words(one, 3, 1)
    three = with_other_words(two, 3, 2)
    assert plain_jaccard(two, three) >= 0.8 > plain_jaccard(one, three)
    seen = NearDuplicates()
    assert [seen.add(key, text) for key, text in zip("abc", (one, two, three), strict=True)] == [
        None,
        "a",
        None,
    ]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 0.95, 1.0])
def test_near_copies_are_found_among_many(threshold: float) -> None:
    seen = NearDuplicates(threshold)
    texts = [story(seed) for seed in range(200)]
    assert [seen.add(str(seed), text) for seed, text in enumerate(texts)] == [None] * 200
    copies = [with_other_words(text, seed % 4, seed) for seed, text in enumerate(texts)]
    near = [plain_jaccard(text, copy) >= threshold for text, copy in zip(texts, copies, strict=True)]
    found = [seen.add(f"copy {seed}", copy) for seed, copy in enumerate(copies)]
    assert found == [str(seed) if is_near else None for seed, is_near in enumerate(near)]


@given(few_words, few_words, st.integers(1, 4))
def test_likeness_is_jaccards_coefficient(first: str, second: str, size: int) -> None:
    assert jaccard(shingles(first, size), shingles(second, size)) == plain_jaccard(first, second, size)


@given(st.lists(few_words, max_size=25), st.sampled_from([0.4, 0.6, 0.8, 1.0]), st.integers(1, 3))
def test_every_answer_is_right_and_the_nearest_are_never_missed(
    texts: list[str], threshold: float, size: int
) -> None:
    seen = NearDuplicates(threshold, size)
    kept: list[int] = []
    for number, text in enumerate(texts):
        likeness = {earlier: plain_jaccard(texts[earlier], text, size) for earlier in kept}
        found = seen.add(str(number), text)
        sure = [earlier for earlier in kept if likeness[earlier] == 1]
        if found is None:
            assert not sure
            kept.append(number)
        else:
            assert likeness[int(found)] >= threshold
            assert all(int(found) <= earlier for earlier in sure)
    assert len(seen) == len(kept)


@given(st.text(max_size=60))
def test_any_text_repeats_itself(text: str) -> None:
    seen = NearDuplicates()
    assert (seen.add("first", text), seen.add("second", f" {text}.\n")) == (None, "first")


@pytest.mark.parametrize(("threshold", "shingle"), [(0.0, 3), (1.5, 3), (0.8, 0)])
def test_settings_without_meaning_are_refused(threshold: float, shingle: int) -> None:
    with pytest.raises(InvalidInput):
        NearDuplicates(threshold, shingle)


def errand(*actions: str, instruction: str = "Boil  WATER", final: str | None = "It boils.") -> Trajectory:
    steps = tuple(Step(f"Before {action}.\n\n  On the stove.", action, "I think") for action in actions)
    return Trajectory("id", instruction, steps, final)


def test_a_trajectory_is_told_in_order_of_time_without_regard_to_space_and_case() -> None:
    assert trajectory_key(errand("Turn on")) == "\n".join(
        ["boil water", "before turn on. on the stove.", "turn on", "it boils."]
    )
    assert trajectory_key(errand("go", final=None)).endswith("\ngo\n")


def test_the_course_is_what_was_done() -> None:
    assert course(errand("Turn  on", "wait")) == "turn on\nwait"


def test_spans_that_differ_by_a_step_are_told_apart_by_their_courses() -> None:
    actions = [f"open door {number}" for number in range(12)]
    long, longer = errand(*actions[:-1]), errand(*actions)
    assert plain_jaccard(trajectory_key(long), trajectory_key(longer)) >= 0.8
    seen = NearDuplicates()
    for one in (long, longer):
        assert seen.add(one.id, trajectory_key(one), among=course(one)) is None
