"""MiniWoB++ pages as text."""

from __future__ import annotations

import pytest

from dialects.miniwob import Node, at_point, counterpart, describe, page_text


def text(words: str) -> Node:
    return Node("t", -1, text=words)


def body(*children: Node) -> Node:
    return Node("BODY", 1, children=children, focused=True)


@pytest.mark.parametrize(
    ("node", "line"),
    [
        (Node("A", 2, text="Next"), '[2] link "Next"'),
        (Node("H2", 2, text='Say "hi"\n'), r'[2] heading "Say \"hi\"\n"'),
        (
            Node("INPUT_text", 2, id="name", value="Ann", focused=True),
            '[2] textbox #name value="Ann" focused',
        ),
        (Node("INPUT_password", 2, value=""), "[2] password"),
        (Node("INPUT_radio", 2, value=True), "[2] radio checked"),
        (Node("INPUT_checkbox", 2, value=False), "[2] checkbox unchecked"),
        (Node("BUTTON", 2, classes="primary", text="Go"), '[2] button "Go"'),
        (Node("BUTTON", 2, classes="primary"), "[2] button .primary"),
        (Node("SPAN", 2, classes="like active"), "[2] span .like active"),
        (Node("SPAN", 2, id="cell-4", classes="mark-x"), "[2] span #cell-4.mark-x"),
        (Node("DIV", 2, classes="sender", text="Ann"), '[2] div .sender "Ann"'),
        (
            Node("LI", 2, classes="ui-tab ui-state-hover ui-tabs-active ui-state-active"),
            "[2] listitem active",
        ),
        (Node("A", 2, id="ui-id-7", classes="ui-button ui-spinner-up"), "[2] link .ui-spinner-up"),
        (Node("OPTION", 2, text="Peru", background="rgb(200, 200, 200)"), '[2] option "Peru" selected'),
        (Node("OPTION", 2, text="Peru", background="rgba(0, 0, 0, 0)"), '[2] option "Peru"'),
        (Node("DIV", 2, background="rgb(0, 255, 0)"), "[2] div color=rgb(0, 255, 0)"),
        (Node("circle", 2, id="(0,1)", classes={}, width=8.2, height=8), "[2] circle #(0,1) 8x8"),
    ],
)
def test_an_element_is_one_line(node: Node, line: str) -> None:
    assert page_text(body(node)) == f"[1] body\n  {line}"


def test_elements_that_only_hold_others_are_left_out() -> None:
    link = Node("A", 4, text="7")
    frame = Node("FORM", 2, id="mturk_form", children=(Node("TD", 3, children=(link,)), Node("BR", 5)))
    assert page_text(body(frame, text("tail"))) == '[1] body\n  [4] link "7"\n  "tail"'


def test_positions_make_no_difference_to_the_text() -> None:
    here, there = (body(Node("A", 2, left=x, top=x, width=9, height=9, text="Go")) for x in (0, 50))
    assert page_text(here) == page_text(there)


def test_an_element_is_named_by_its_text_else_by_its_label() -> None:
    box = Node("INPUT_checkbox", 3, id="ch0", value=False)
    page = body(
        Node("LABEL", 2, children=(box, text("red"))),
        field := Node("INPUT_text", 4, id="name", value="Ann"),
        heading := Node("H3", 5, id="ui-id-4", children=(text("Section"), text("#1"))),
        group := Node("DIV", 6, id="group", children=(text("much"),)),
        prose := Node("P", 7, children=(text("word " * 40),)),
    )
    names = [describe(node, page) for node in (box, field, heading, group, prose, page)]
    assert names == [
        '[3] checkbox "red"',
        "[4] textbox #name",
        '[5] heading "Section #1"',
        "[6] div #group",
        "[7] paragraph",
        "[1] body",
    ]


def test_an_element_that_is_left_out_goes_by_the_one_around_it() -> None:
    icon = Node("SPAN", 3)
    assert describe(icon, body(Node("BUTTON", 2, classes="close", children=(icon,)))) == "[2] button .close"


def test_the_point_belongs_to_the_smallest_box_and_the_deepest_of_equal_ones() -> None:
    inner = Node("SPAN", 3, left=10, top=10, width=20, height=20)
    outer = Node(
        "DIV", 2, left=10, top=10, width=20, height=20, children=(inner, Node("t", -1, 10, 10, 5, 5))
    )
    page = Node("BODY", 1, width=100, height=100, children=(outer,))
    assert at_point(page, 12, 12) is inner
    assert at_point(page, 90, 90) is page
    assert at_point(page, 101, 5) is None


def test_a_renumbered_element_is_not_taken_for_its_namesake() -> None:
    before, after = Node("DIV", 2, text="one"), Node("DIV", 2, text="two")
    assert counterpart(body(before), after) is None
    assert counterpart(body(before), Node("DIV", 2, text="one", focused=True)) is before
