"""One rule for what an action advises, in every action language that is imported."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrievers.slots import (
    CONTEXT,
    INSTRUCTION,
    LONGEST,
    MARKS,
    MOST_PARTS,
    UNKNOWN,
    everyday_words,
    plain,
    slots,
    take_apart,
    template,
)

NONE: frozenset[str] = frozenset()


def read(action: str, instruction: str = "", *observed: str, everyday: frozenset[str] = NONE) -> str:
    return slots(action, plain(instruction), [plain(text) for text in observed], everyday)


# Word by word


def test_the_head_stays_whatever_it_is() -> None:
    assert read("click", "click") == "click"
    assert read("Click [7]", "click 7", "7") == "click <i>"
    assert read('"Save" it') == "save _"
    assert read("") == ""
    assert read("[]{}") == ""


def test_names_of_arguments_stay_and_their_values_are_told() -> None:
    action = 'book({"city":"Oslo","nights":2,"room":{"kind":"double"}})'
    assert read(action, "Two nights in Oslo", "rooms: double") == "book city= <i> nights= _ room= kind= <c>"
    assert read("book(city='Oslo', nights=2)", "Oslo") == "book city= <i> nights= _"


def test_a_colon_names_an_argument_only_in_a_call() -> None:
    assert read("note city: Oslo", "Oslo") == "note _ <i>"
    assert read("git log --since=2020", "", "2020") == "git _ <c>"
    assert template("x = 1") == "x"
    assert template("f(a == 1)") == "f"


def test_the_instruction_goes_before_everyday_words_and_those_before_what_was_seen() -> None:
    everyday = frozenset({"red", "blue"})
    assert read("take red", "the red one", "red blue", everyday=everyday) == "take <i>"
    assert read("take blue", "the red one", "red blue", everyday=everyday) == "take blue"
    assert read("take green", "the red one", "green", everyday=everyday) == "take <c>"
    assert read("take green", "the red one", "greenish", everyday=everyday) == "take _"


def test_an_earlier_observation_counts_like_the_present_one() -> None:
    assert read("take 7", "", "here", "there was 7") == "take <c>"


def test_a_quoted_text_is_one_value_however_long() -> None:
    assert read('say "one two three four five six seven"', "", "one two three") == "say _"
    assert read("say 'one two'", "say one two three") == "say <i>"
    assert read('say "one two"', "two one") == "say _"
    assert read('say "a \\"quoted\\" word" 7', "", "7") == "say _ <c>"


def test_an_apostrophe_within_a_word_quotes_nothing() -> None:
    assert take_apart("tell don't stop won't").values == ["don", "'", "t", "stop", "won", "'", "t"]


def test_a_long_message_is_one_value_too() -> None:
    message = "word " * LONGEST
    assert read(f'respond({{"to":"Ann","content":"{message}"}})', "Ann") == "respond to= <i> content= _"
    assert read(f'respond({{"content":"{message}"}})') == read('respond({"content":"word"})')


def test_runs_of_one_mark_collapse_and_words_do_not() -> None:
    assert read("put 1 2 in 3", "1 2", "3") == "put <i> _ <c>"
    assert read("go very very far", everyday=frozenset({"very"})) == "go very very _"
    assert read("f(a=1, b=1)", "1") == "f a= <i> b= <i>"


def test_letter_case_and_closing_marks_do_not_matter() -> None:
    assert read("Take MUG.", "a mug") == read("take mug", "A Mug!") == "take <i>"


def test_signs_without_a_word_are_looked_up_nowhere() -> None:
    assert read("press -", "- - -", "-") == "press _"
    assert read("press -", "- -", everyday=frozenset({"-"})) == "press -"
    assert read('type ""', "") == "type _"


# Every action language that is imported


@pytest.mark.parametrize(
    ("action", "instruction", "observation", "advice", "tool"),
    [
        (
            'click [9] button "Save"', "Press the Save button", '[9] button "Save"',
            "click <c> <i>", "click",
        ),
        (
            'type [4] textbox #user "ann"', "Log in as ann", "[4] textbox #user",
            "type <c> <i>", "type",
        ),
        (
            "SELECT name FROM singer WHERE age > 20", "Singers over 20", "Tables: singer (name, age)",
            "select <c> from <c> where <c> <i>", "select",
        ),
        (
            "SELECT COUNT(*) FROM t WHERE city = 'San Jose'", "Trips to San Jose", "t",
            "select _ from <c> where _ <i>", "select",
        ),
        (
            "grep -rn 'to do' src/app.py | head -3", "Where is 'to do'?", "src/app.py",
            "grep _ <i> <c> _", "grep",
        ),
        (
            'get_user({"user_id":"u7"})', "I am u7", "Hello",
            "get_user user_id= <i>", "get_user user_id=",
        ),
        (
            'respond({"content":"What is your name?"})', "Help me", "Hello",
            "respond content= _", "respond content=",
        ),
        (
            "take mug 1 from desk 2", "Put a mug in the sink", "On desk 2 you see mug 1",
            "take <i> <c> from <c>", "take",
        ),
        (
            "pour cup containing water in sink", "Boil water", "a cup, a sink",
            "pour <c> _ <i> in <c>", "pour",
        ),
        ("```bash\nls -l /tmp\n```", "List /tmp", "", "```bash _ <i> _", "```bash"),
        ("submit()", "Anything", "", "submit", "submit"),
    ],
)  # fmt: skip
def test_languages(action: str, instruction: str, observation: str, advice: str, tool: str) -> None:
    everyday = frozenset({"from", "where", "in"})
    assert read(action, instruction, observation, everyday=everyday) == advice
    assert template(action) == tool


def test_the_same_advice_with_other_values_is_equal() -> None:
    assert read('click [9] button "Save"', "Save it", "[9]") == read('click [4] link "Go"', "Go", "[4]")
    assert read('click [9] "Save"', "Save it", "[9]") != read('click [9] "Save"', "Drop it", "[9] Save")


# Everyday words


def collection(trajectories: int, bearing: int, word: str) -> list[list[str]]:
    return [[f"take {word if number < bearing else 'x'} now"] for number in range(trajectories)]


@pytest.mark.parametrize(
    ("trajectories", "bearing", "everyday"),
    [(5, 5, True), (5, 4, False), (250, 5, True), (251, 5, False), (251, 6, True), (1_000, 20, True)],
)
def test_an_everyday_word_is_in_five_trajectories_and_in_two_percent(
    trajectories: int, bearing: int, everyday: bool
) -> None:
    assert ("red" in everyday_words(collection(trajectories, bearing, "red"))) is everyday


def test_a_word_counts_once_for_a_trajectory_and_heads_and_names_not_at_all() -> None:
    assert everyday_words([["take red", "take red"]] * 4) == NONE
    assert everyday_words([['take({"red":"blue"})', "red 7 3.5 [12]"]] * 9) == {"blue"}
    assert everyday_words([['say "See you soon"']] * 5) == {"see you soon"}
    assert everyday_words([]) == NONE


# Any text


TEXTS = st.text(max_size=80) | st.text("ab\"'\\(){}[]:=,._ 1\n`<>", max_size=80)


@given(TEXTS, TEXTS, TEXTS, st.frozensets(TEXTS, max_size=3))
@example("'" * 50, "", "", NONE)
@example('"\\', "", "", NONE)
def test_any_text_is_read(action: str, instruction: str, observation: str, everyday: frozenset[str]) -> None:
    taken = take_apart(action)
    assert len(taken.parts) <= MOST_PARTS
    found = read(action, instruction, observation, everyday=everyday)
    assert found.startswith(taken.head)
    assert template(action).split(" ")[0] == taken.head.split(" ")[0]
    assert found == read(action, instruction, observation, observation, everyday=everyday)
    for mark in MARKS:
        assert f" {mark} {mark}" not in found.removeprefix(taken.head)


@given(TEXTS, TEXTS, TEXTS)
def test_without_everyday_words_only_the_head_names_and_marks_are_left(
    action: str, instruction: str, observation: str
) -> None:
    taken = take_apart(action)
    rest = read(action, instruction, observation).removeprefix(taken.head)
    names = {f"{text}=" for text, named in taken.parts if named}
    for name in sorted(names, key=len, reverse=True):
        rest = rest.replace(f" {name}", "")
    assert set(rest.split()) <= {INSTRUCTION, CONTEXT, UNKNOWN}


@given(st.lists(st.from_regex(r"[a-z]{3,8}", fullmatch=True), min_size=1, max_size=8))
def test_an_instruction_of_all_words_explains_them_all(words: list[str]) -> None:
    assert read(" ".join(["do", *words]), " ".join(words)) == "do <i>"


@given(st.text(max_size=200))
def test_plain_text_stays_plain(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    assert re.fullmatch(r" (\S+ )*| ", once) or once == "  "
    assert once == plain(text + "\n\t!")


@pytest.mark.parametrize("size", [99, 100, 101, 20_000, 20_001])
def test_long_texts_are_plain_in_the_same_way(size: int) -> None:
    assert plain(("A b" * size)[:size]).strip() == ("a b" * size)[:size].strip()


def test_an_action_of_any_length_is_read_up_to_a_point() -> None:
    everything = " ".join(f"w{number}" for number in range(100_000))
    assert len(take_apart(everything).parts) == MOST_PARTS
    assert take_apart("x" * 5_000).head == "x" * 5_000
    assert read("\"'" * 50_000) == read("\"'" * 60_000)
