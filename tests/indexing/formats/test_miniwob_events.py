"""Mouse and key events of MiniWoB++ demonstrations, merged into actions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from dialects.miniwob import page_text, walk
from indexing.formats import ImportReport
from indexing.formats._miniwob_events import State, merge
from tests.indexing.formats.miniwob_sample import (
    Dom,
    a_form,
    clicked,
    demo,
    key,
    node,
    read_one,
    state,
    twice,
)


def actions(tmp_path: Path, *states: Dom) -> list[str]:
    (record,), report = read_one(tmp_path, demo(*states))
    assert report.skipped == Counter()
    return [step.action for step in record.steps]


def test_the_mark_is_trusted_before_the_coordinates(tmp_path: Path) -> None:
    assert actions(tmp_path, state(a_form()), *clicked(a_form(acted_on=3), 20, 15)) == [
        'click [3] button "Send"'
    ]


def test_without_a_mark_the_smallest_element_at_the_point_is_meant(tmp_path: Path) -> None:
    assert actions(tmp_path, state(a_form()), *clicked(a_form(), 20, 15)) == ["click [2] textbox"]
    assert actions(tmp_path, state(a_form()), *clicked(a_form(), 500, 500)) == ["click [1] body"]


def test_keys_are_one_action_that_tells_the_text(tmp_path: Path) -> None:
    empty, full = a_form(acted_on=2), a_form("Hi", acted_on=2)
    states = [
        state(a_form()),
        *key(empty, "keydown", 16),
        *key(empty, "keydown", 72),
        *key(empty, "keypress", 72, 72),
        *key(empty, "keyup", 16),
        *key(empty, "keydown", 73),
        *key(full, "keypress", 105, 105),
        *key(full, "keydown", 9),
        *key(a_form("Hi", acted_on=3), "keyup", 9),
    ]
    (record,), _ = read_one(tmp_path, demo(*states))
    assert [step.action for step in record.steps] == ['type [2] textbox "Hi"', "press [2] textbox Tab"]
    assert 'textbox value="Hi"' in record.steps[1].observation
    assert "value" not in record.steps[0].observation


def test_enter_is_not_also_a_click_on_the_button_it_presses(tmp_path: Path) -> None:
    enter = key(a_form(acted_on=2), "keydown", 13)
    assert actions(tmp_path, state(a_form()), *enter, *twice(a_form(acted_on=3), "click", x=0, y=0)) == [
        "press [2] textbox Enter"
    ]


def test_a_double_click_takes_the_place_of_its_two_clicks(tmp_path: Path) -> None:
    page = a_form(acted_on=3)
    double = [*clicked(page, 20, 50), *clicked(page, 20, 50), *twice(page, "dblclick", x=20, y=50)]
    assert actions(tmp_path, state(a_form()), *double) == ['dblclick [3] button "Send"']
    assert actions(tmp_path, state(a_form()), *double[-2:]) == ['dblclick [3] button "Send"']


def test_a_press_that_is_released_elsewhere_is_a_drag(tmp_path: Path) -> None:
    down = twice(a_form(acted_on=2), "mousedown", x=20, y=15)
    up = twice(a_form(acted_on=3), "mouseup", x=20, y=50)
    assert actions(tmp_path, state(a_form()), *down, *up) == ['drag [2] textbox to [3] button "Send"']


def test_a_drag_may_end_on_what_was_not_there_before(tmp_path: Path) -> None:
    popup = node("DIV", 9, (150, 150, 20, 20), text="Drop here", recordingTarget=True)
    down = twice(a_form(acted_on=2), "mousedown", x=20, y=15)
    up = twice(node("BODY", 1, (0, 0, 200, 200), popup), "mouseup", x=155, y=155)
    assert actions(tmp_path, state(a_form()), *down, *up) == ['drag [2] textbox to [9] div "Drop here"']


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["mousedown", "mouseup", "click", "dblclick", "scroll", "keydown", "keypress", "keyup"]
            ),
            st.sampled_from([0, 2, 3]),
            st.sampled_from([8, 9, 16, 17, 65, 229]),
            st.integers(-5, 70),
        ),
        max_size=25,
    )
)
def test_any_events_make_actions_on_elements_of_the_page_that_was_seen(
    events: list[tuple[str, int, int, int]],
) -> None:
    states = [state(a_form())]
    for kind, acted_on, code, y in events:
        states += twice(a_form(acted_on=acted_on), kind, x=20, y=y, keyCode=code, charCode=code)
    acts = merge(TypeAdapter(tuple[State, ...]).validate_python(states), ImportReport())
    for act in acts:
        assert any(found is act.element for found in walk(act.page))
        assert f"[{act.element.ref}] " in page_text(act.page)
        assert act.text.startswith(f"{act.verb} [{act.element.ref}] ")


def test_a_press_that_hardly_moves_is_a_click_whatever_slid_under_it(tmp_path: Path) -> None:
    down = twice(a_form(acted_on=2), "mousedown", x=20, y=30)
    up = twice(a_form(acted_on=3), "mouseup", x=21, y=32)
    assert actions(tmp_path, state(a_form()), *down, *up) == ["click [2] textbox"]


def test_a_press_without_a_release_is_a_click(tmp_path: Path) -> None:
    down = twice(a_form(acted_on=2), "mousedown", x=20, y=15)
    assert actions(tmp_path, state(a_form()), *down) == ["click [2] textbox"]


def test_a_click_with_a_modifier_says_so(tmp_path: Path) -> None:
    page = a_form(acted_on=3)
    states = [state(a_form()), *key(page, "keydown", 17), *clicked(page, 20, 50), *key(page, "keyup", 17)]
    assert actions(tmp_path, *states, *clicked(page, 20, 50)) == [
        'click [3] button "Send" holding Ctrl',
        'click [3] button "Send"',
    ]


def a_list(offset: float, acted_on: bool = True) -> Dom:
    row = node("LI", 2, (0, 10 - offset, 100, 20), text="row")
    marked = {"recordingTarget": True} if acted_on else {}
    return node("BODY", 9, (0, 0, 200, 200), node("DIV", 1, (0, 0, 100, 100), row, id="area", **marked))


def test_scroll_events_are_one_action_with_its_direction(tmp_path: Path) -> None:
    scrolls = [state(a_list(offset), "scroll") for offset in (5, 20, 40)]
    assert actions(tmp_path, state(a_list(0, False)), *scrolls) == ["scroll [1] div #area down"]
    assert actions(tmp_path, state(a_list(60, False)), *scrolls) == ["scroll [1] div #area up"]


def test_dragging_the_scrollbar_is_scrolling(tmp_path: Path) -> None:
    down = twice(a_list(0), "mousedown", x=99, y=10)
    up = twice(a_list(30), "mouseup", x=99, y=60)
    states = [state(a_list(0, False)), *down, state(a_list(30), "scroll"), *up]
    assert actions(tmp_path, *states) == ["scroll [1] div #area down"]


def test_a_click_on_a_label_is_not_also_one_on_its_box(tmp_path: Path) -> None:
    def boxes(acted_on: int, ticked: bool) -> Dom:
        mark = {acted_on: {"recordingTarget": True}}
        text = {"tag": "t", "ref": -7, "left": 0, "top": 0, "width": 9, "height": 9, "text": "red"}
        box = node("INPUT_checkbox", 3, (0, 0, 9, 9), id="ch0", value=ticked, **mark.get(3, {}))
        return node("BODY", 1, (0, 0, 99, 99), node("LABEL", 2, (0, 0, 50, 9), box, text, **mark.get(2, {})))

    start, label, box = state(boxes(0, False)), boxes(2, False), boxes(3, True)
    states = [start, *clicked(label, 20, 5), *twice(box, "click", x=20, y=5)]
    assert actions(tmp_path, *states) == ['click [2] label "red"']
    (record,), _ = read_one(tmp_path, demo(start, *clicked(boxes(3, False), 4, 5), state(boxes(0, True))))
    assert record.steps[0].action == 'click [3] checkbox "red"'
    assert record.steps[0].observation == '[1] body\n  [2] label\n    [3] checkbox #ch0 unchecked\n    "red"'
    assert "[3] checkbox #ch0 checked" in (record.final_observation or "")


def test_a_native_list_shows_only_the_release_on_its_option(tmp_path: Path) -> None:
    def page(acted_on: bool) -> Dom:
        marked = {"recordingTarget": True} if acted_on else {}
        return node("BODY", 1, (0, 0, 99, 99), node("SELECT", 2, (0, 0, 50, 9), id="options", **marked))

    chosen = [*twice(page(True), "mouseup", x=4, y=70), *twice(page(True), "click", x=4, y=70)]
    assert actions(tmp_path, state(page(False)), *clicked(page(True), 4, 4), *chosen) == [
        "click [2] select #options",
        "choose an option of [2] select #options",
    ]


def test_what_only_hovering_showed_is_seen_on_the_page_of_the_event(tmp_path: Path) -> None:
    item = node("DIV", 5, (0, 0, 9, 9), text="Open", recordingTarget=True)
    menu = node("BODY", 1, (0, 0, 99, 99), item)
    (record,), _ = read_one(tmp_path, demo(state(node("BODY", 1)), *clicked(menu, 4, 4)))
    assert record.steps[0].observation == '[1] body\n  [5] div "Open"'
    assert record.steps[0].action == 'click [5] div "Open"'


def test_events_that_explain_nothing_are_counted(tmp_path: Path) -> None:
    page = a_form(acted_on=3)
    strays = [*twice(page, "mouseup", x=20, y=50), *twice(page, "focus")]
    _, report = read_one(tmp_path, demo(state(a_form()), *strays, *clicked(page, 20, 50)))
    assert report.skipped == {"mouse release without a press": 1, "event of another kind": 1}
