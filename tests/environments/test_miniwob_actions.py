"""What can be done on a MiniWoB++ page, and what an action means there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.miniwob import Node, phrase, walk
from environments.miniwob_actions import Move, choices, understand, values

FIELD = Node("INPUT_text", 2, id="name", focused=True)
NUMBER = Node("INPUT_number", 3)
DATE = Node("INPUT_date", 4)
LIST = Node("SELECT", 5, id="sizes")
ICON = Node("SPAN", 7, classes="star")
BOX = Node("DIV", 6, id="bar", children=(ICON, Node("t", -1, text="Rate")))
SEND = Node("BUTTON", 8, text='Say "hi"', children=())
PAGE = Node("BODY", 1, children=(FIELD, NUMBER, DATE, LIST, BOX, SEND))
SIZES = {5: ("small", 'very "big"')}


def test_the_instructions_values_go_into_fields_that_take_them() -> None:
    instruction = "Order 3 for Ann on 02/01/2017."
    assert choices(PAGE, instruction, {"to": "Ann", "on": "02/01/2017", "count": "3"}, SIZES) == [
        'choose an option of [5] select #sizes "small"',
        r'choose an option of [5] select #sizes "very \"big\""',
        "click [2] textbox #name",
        "click [3] spinbutton",
        "click [4] date",
        "click [5] select #sizes",
        "click [7] span .star",
        r'click [8] button "Say \"hi\""',
        "press [2] textbox #name Tab",
        'type [2] textbox #name "02/01/2017"',
        'type [2] textbox #name "3"',
        'type [2] textbox #name "Ann"',
        'type [3] spinbutton "3"',
        'type [4] date "02012017"',
    ]


def test_beside_a_chosen_option_another_may_be_chosen() -> None:
    chosen = Node("OPTION", 3, text="Peru", background="rgb(200, 200, 200)")
    other = Node("OPTION", 4, text="Chad")
    page = Node("BODY", 1, children=(Node("SELECT", 2, children=(chosen, other)),))
    assert [action for action in choices(page, "Go.", {}, {}) if "holding" in action] == [
        'click [3] option "Peru" holding Ctrl',
        'click [4] option "Chad" holding Ctrl',
    ]
    page = Node("BODY", 1, children=(Node("SELECT", 2, children=(other,)),))
    assert choices(page, "Go.", {}, {}) == ['click [2] select "Chad"', 'click [4] option "Chad"']


@pytest.mark.parametrize(
    ("instruction", "fields", "found"),
    [
        ('Enter "Ann B." as "Me", please', {}, ["Ann B.", "Me"]),
        ("Forward it to Ann", {"to": "Ann", "by": "Bo"}, ["Ann", "Bo"]),
        ("Find crime, by Bo.", {}, ["Find", "crime", "by", "Bo"]),
        ('Guess "x" between 0-3', {}, ["x", "0", "1", "2", "3"]),
        ('Not "y", nor 1-900 or 5-2', {}, ["y"]),
    ],
)
def test_values_are_what_is_quoted_or_said(
    instruction: str, fields: dict[str, str], found: list[str]
) -> None:
    assert values(instruction, fields) == found


@pytest.mark.parametrize(
    ("action", "move"),
    [
        ('click [8] button "Say \\"hi\\""', Move("click", SEND)),
        ("click [8]", Move("click", SEND)),
        ("click [8] holding Ctrl", Move("click", SEND, "Control")),
        ("dblclick [6] div #bar", Move("dblclick", BOX)),
        ('type [2] textbox #name "a \\"b\\""', Move("type", FIELD, 'a "b"')),
        ('type [2] "a"', Move("type", FIELD, "a")),
        ("press [2] textbox #name Backspace x3", Move("press", FIELD, "Backspace", 3)),
        ("press [1] body Ctrl+V", Move("press", PAGE, "Control+V")),
        ("scroll [6] div #bar down", Move("scroll", BOX, "down")),
        ("scroll [6] div #bar", Move("scroll", BOX)),
        ("drag [7] span .star to [6] div #bar", Move("drag", ICON, to=BOX)),
        ('choose an option of [5] select #sizes "small"', Move("choose an option of", LIST, "small")),
    ],
)
def test_an_action_is_understood(action: str, move: Move) -> None:
    assert understand(action, PAGE, SIZES) == move


@pytest.mark.parametrize(
    "action",
    [
        "",
        "click",
        "click [99]",
        'click [8] button "Other"',
        "click [8] holding Meta",
        "hover [8]",
        'type [8] "text"',
        "type [2] textbox #name",
        'type [2] textbox #name ""',
        "type [2] textbox #name 5",
        'type [2] textbox #other "a"',
        "press [2] Nonsense",
        "press [2] Backspace x1000",
        "scroll [6] sideways",
        "drag [7] to [99]",
        "drag [7]",
        "choose an option of [5] select #sizes",
        'choose an option of [5] "huge"',
        'choose an option of [2] "small"',
    ],
)
def test_what_makes_no_sense_means_nothing(action: str) -> None:
    assert understand(action, PAGE, SIZES) is None


TAGS = st.sampled_from(
    ["A", "BUTTON", "DIV", "INPUT_text", "INPUT_checkbox", "LABEL", "SPAN", "TEXTAREA", "path"]
)
TEXTS = st.none() | st.text(max_size=5)


@st.composite
def pages(draw: st.DrawFn) -> Node:
    """Elements in elements, numbered in document order as the page does."""
    count = iter(range(2, 100))

    def element(depth: int) -> Node:
        ref, tag, text = next(count), draw(TAGS), draw(TEXTS)
        inner = draw(st.integers(0, 2)) if depth < 3 else 0
        children = tuple(element(depth + 1) for _ in range(inner))
        return Node(tag, ref, text=text, id=draw(TEXTS), focused=draw(st.booleans()), children=children)

    return Node("BODY", 1, children=tuple(element(0) for _ in range(draw(st.integers(0, 3)))))


@given(pages(), st.text(max_size=30))
def test_whatever_is_admissible_is_understood_as_said(page: Node, instruction: str) -> None:
    by_reference = {node.ref: node for node in walk(page)}
    for action in choices(page, instruction, {}, {}):
        move = understand(action, page, {})
        assert move is not None
        assert move.element is by_reference[move.element.ref]
        assert action.startswith(phrase(move.verb, move.element, page))
