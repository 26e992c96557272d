"""Recorded mouse and key events, merged into the actions a person would name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import Field

from dialects.miniwob import Node, at_point, counterpart, describe, is_text_field, marked, phrase, walk
from indexing.formats import ImportReport
from indexing.formats._miniwob_keys import Key, Keyboard

SLOP = 5
"""Pixels a press may wander and still be a click."""
CAPTURE = 1
KEY_EVENTS = frozenset({"keydown", "keypress", "keyup"})


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the browser, told on its way down to the element (capture) or back (bubble)."""

    type: str
    timing: int = CAPTURE
    x: float = 0
    y: float = 0
    code: Annotated[int, Field(alias="keyCode", ge=0, le=0xFFFF)] = 0
    char: Annotated[int, Field(alias="charCode", ge=0, le=0xFFFF)] = 0


@dataclass(frozen=True, slots=True)
class State:
    """The page right after an event; the first state has none."""

    dom: Node
    action: Event | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """One action: the page it was taken on, what was done, and to which of the page's elements."""

    page: Node
    verb: str
    element: Node
    detail: str = ""

    @property
    def text(self) -> str:
        """`click [12] button "Submit"`."""
        return phrase(self.verb, self.element, self.page, self.detail)


@dataclass(slots=True)
class _Press:
    act: Act
    event: Event
    scrolled: bool = False


@dataclass(slots=True)
class _Merger:
    states: Sequence[State]
    report: ImportReport
    acts: list[Act] = field(default_factory=list)
    keyboard: Keyboard = field(default_factory=Keyboard)
    press: _Press | None = None
    clicked_at: tuple[float, float] | None = None
    explained: bool = False

    def run(self) -> list[Act]:
        events = [
            (index, state.action)
            for index, state in enumerate(self.states)
            if state.action and state.action.timing == CAPTURE
        ]
        position = 0
        while position < len(events):
            index, event = events[position]
            if event.type in KEY_EVENTS:
                position += self._keys(events[position:])
                continue
            self._mouse(index, event)
            position += 1
        self._let_go()
        return self.acts

    def _mouse(self, index: int, event: Event) -> None:
        match event.type:
            case "mousedown":
                self._let_go()
                page, element = self._touched(index, event)
                self.press = _Press(Act(page, "click", element, self.keyboard.holding()), event)
                self.explained = True
            case "mouseup":
                self._release(index, event)
                self.explained = True
            case "click":
                self._click(index, event)
            case "dblclick":
                self._double(index, event)
            case "scroll":
                self._scroll(index, event)
            case _:
                self.report.skip("event of another kind")

    def _touched(self, index: int, event: Event) -> tuple[Node, Node]:
        """The page that was seen and the element acted upon.

        What was seen is the state before the event; only where it lacks the element (a menu that
        opened on hovering, a page that reloaded by itself) it is the event's own.
        """
        before, now = self.states[max(index - 1, 0)].dom, self.states[index].dom
        if (seen := marked(now)) is None:
            return before, at_point(before, event.x, event.y) or before
        known = counterpart(before, seen)
        return (before, known) if known else (now, seen)

    def _let_go(self) -> None:
        """A press whose release was never seen is a click."""
        if self.press and not self.press.scrolled:
            self.acts.append(self.press.act)
        self.press = None

    def _release(self, index: int, event: Event) -> None:
        if self.press is None:
            self._release_alone(index, event)
            return
        act, down = self.press.act, self.press.event
        end = marked(self.states[index].dom) or at_point(act.page, event.x, event.y) or act.page
        near = max(abs(event.x - down.x), abs(event.y - down.y)) <= SLOP
        if not near and end.ref != act.element.ref:
            end = counterpart(act.page, end) or end
            self.press.act = replace(act, verb="drag", detail=f"to {describe(end, act.page)}")
        self._let_go()

    def _release_alone(self, index: int, event: Event) -> None:
        """A native list takes the press on its option for itself, and doesn't tell which it was."""
        page, element = self._touched(index, event)
        if element.tag == "SELECT":
            self.acts.append(Act(page, "choose an option of", element))
        else:
            self.report.skip("mouse release without a press")

    def _click(self, index: int, event: Event) -> None:
        """Clicks echo a press, a key or the click on a label; any other stands for itself."""
        if not self.explained and (event.x, event.y) != self.clicked_at:
            page, element = self._touched(index, event)
            self.acts.append(Act(page, "click", element))
        self.explained, self.clicked_at = False, (event.x, event.y)

    def _double(self, index: int, event: Event) -> None:
        clicks = self.acts[-2:]
        if len(clicks) == 2 and all(_same(act, clicks[0]) and act.verb == "click" for act in clicks):
            self.acts[-2:] = [replace(clicks[0], verb="dblclick")]
        else:
            page, element = self._touched(index, event)
            self.acts.append(Act(page, "dblclick", element))

    def _scroll(self, index: int, event: Event) -> None:
        page, element = self._touched(index, event)
        act = Act(page, "scroll", element)
        if self.press and _same(self.press.act, act):
            self.press.scrolled = True
        if self.acts and self.acts[-1].verb == "scroll" and _same(self.acts[-1], act):
            act = self.acts.pop()
        self.acts.append(replace(act, detail=_direction(act, self.states[index].dom)))

    def _keys(self, events: Sequence[tuple[int, Event]]) -> int:
        """Merge the keys that go to one element; the number of events that were taken."""
        page, element = self._touched(*events[0])
        keys: list[Key] = []
        for index, event in events:
            target = marked(self.states[index].dom) or element
            if event.type not in KEY_EVENTS or (keys and target.ref != element.ref):
                break
            keys.append(Key(index, event.type, event.code, event.char, target.value))
        for stroke in self.keyboard.strokes(keys, is_text=is_text_field(element)):
            page, seen = self._touched(stroke.first, self.states[stroke.first].action or events[0][1])
            self.acts.append(Act(page, stroke.verb, seen, stroke.what))
            self.explained = True
        return len(keys)


def _same(one: Act, other: Act) -> bool:
    return one.element.ref == other.element.ref


def _direction(act: Act, after: Node) -> str:
    """Up or down, by how what is inside the element has moved."""
    for inner in walk(act.element):
        moved = counterpart(after, inner) if inner is not act.element and inner.tag != "t" else None
        if moved and moved.top != inner.top:
            return "down" if moved.top < inner.top else "up"
    return ""


def merge(states: Sequence[State], report: ImportReport) -> list[Act]:
    """The actions of a demonstration, in order; what explains no action is counted in `report`."""
    return _Merger(states, report).run()
