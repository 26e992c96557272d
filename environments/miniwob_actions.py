"""What can be done on a MiniWoB++ page, in the words of its human demonstrations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dialects.miniwob import Node, has_line, is_chosen, is_text_field, phrase, quoted, walk

WIDGETS = frozenset({"A", "BUTTON", "LABEL", "OPTION", "SELECT", "TEXTAREA"})
CHOOSE = "choose an option of"
NAMED = re.compile(rf"(?P<verb>{CHOOSE}|[a-z]+) \[(?P<ref>\d+)\]")
HOLDING = "holding Ctrl"
TARGET = re.compile(r"to \[(\d+)\]")
KEYS = frozenset(
    {"Backspace", "Delete", "End", "Enter", "Escape", "Home", "PageDown", "PageUp", "Space", "Tab"}
)
ARROWS = frozenset({"ArrowDown", "ArrowLeft", "ArrowRight", "ArrowUp"})
STROKE = re.compile(r"(?P<key>[A-Za-z]+|(?:Ctrl|Alt|Meta)\+[A-Z0-9])(?: x(?P<times>[1-9]\d?))?")
QUOTED = re.compile(r'"([^"]+)"')
RANGE = re.compile(r"\b(\d{1,3})\s?-\s?(\d{1,3})\b")
WORD = re.compile(r'[^\s,;!?"]+')
DATE = re.compile(r"\d+([/.-])\d+\1\d+")
LONGEST_RANGE = 20


@dataclass(frozen=True, slots=True)
class Move:
    """An action as understood.

    `text` is what is typed, chosen or pressed, the key held while clicking, or which way to scroll.
    """

    verb: str
    element: Node
    text: str = ""
    times: int = 1
    to: Node | None = None


def understand(action: str, page: Node, options: Mapping[int, Sequence[str]]) -> Move | None:
    """What an action means on this page; None where it means nothing.

    `[12]` alone names an element; what else is said of it must then be what the page says.
    """
    if not (named := NAMED.match(action)):
        return None
    verb, element = named["verb"], _by_reference(page, int(named["ref"]))
    if element is None:
        return None
    said = phrase(verb, element, page)
    known = action == said or action.startswith(f"{said} ")
    detail = action.removeprefix(said if known else named[0]).strip()
    match verb:
        case "click" if detail == HOLDING:
            return Move(verb, element, "Control")
        case "click" | "dblclick":
            return None if detail else Move(verb, element)
        case "scroll":
            return Move(verb, element, detail) if detail in {"", "up", "down"} else None
        case "press":
            return _press(element, detail)
        case "type":
            text = _text(detail)
            return Move(verb, element, text) if text and is_text_field(element) else None
        case "drag":
            return _drag(element, detail, page)
        case _:
            text = _text(detail)
            return Move(verb, element, text) if text and text in options.get(element.ref, ()) else None


def choices(
    page: Node, instruction: str, fields: Mapping[str, str], options: Mapping[int, Sequence[str]]
) -> list[str]:
    """The admissible actions, sorted: what can be clicked, and what can be entered where.

    A person can click anywhere; what the demonstrations click on purpose are widgets, and elements
    with no other inside. Values are those that the instruction names.
    """
    words = values(instruction, fields)
    actions = {action for element in walk(page) for action in _choices(element, page, words, options)}
    return sorted(actions.union(_further_choices(page)))


def values(instruction: str, fields: Mapping[str, str]) -> list[str]:
    """What the instruction would have entered: what it quotes and the page's own fields, else its words.

    "between 0-9" means each of the numbers.
    """
    named = [*QUOTED.findall(instruction), *fields.values()]
    if not named:
        named = [word.rstrip(".:") for word in WORD.findall(instruction)]
    for low, high in RANGE.findall(instruction):
        if int(low) < int(high) <= int(low) + LONGEST_RANGE:
            named += [str(number) for number in range(int(low), int(high) + 1)]
    return list(dict.fromkeys(value for value in named if value))


def _choices(
    element: Node, page: Node, words: Sequence[str], options: Mapping[int, Sequence[str]]
) -> Iterator[str]:
    if _is_clickable(element):
        yield phrase("click", element, page)
    if is_text_field(element):
        for value in _fitting(element, words):
            yield phrase("type", element, page, quoted(value))
        if element.focused:
            yield phrase("press", element, page, "Tab")
    for option in options.get(element.ref, ()):
        yield phrase(CHOOSE, element, page, quoted(option))


def _further_choices(page: Node) -> Iterator[str]:
    """Where an option of an open list is chosen, another may be chosen beside it."""
    listed = [node for node in walk(page) if node.tag == "OPTION" and has_line(node)]
    if any(is_chosen(option) for option in listed):
        yield from (phrase("click", option, page, HOLDING) for option in listed)


def _is_clickable(element: Node) -> bool:
    if element.tag == "BODY" or not has_line(element):
        return False
    is_widget = element.tag in WIDGETS or element.tag.startswith("INPUT_")
    return is_widget or all(child.tag == "t" for child in element.children)


def _fitting(element: Node, words: Sequence[str]) -> list[str]:
    match element.tag:
        case "INPUT_date":
            return [re.sub(r"\D", "", word) for word in words if DATE.fullmatch(word)]
        case "INPUT_number":
            return [word for word in words if word.removeprefix("-").isdecimal()]
        case _:
            return list(words)


def _by_reference(page: Node, ref: int) -> Node | None:
    return next((node for node in walk(page) if node.ref == ref and has_line(node)), None)


def _press(element: Node, detail: str) -> Move | None:
    stroke = STROKE.fullmatch(detail)
    if not stroke or ("+" not in stroke["key"] and stroke["key"] not in KEYS | ARROWS):
        return None
    key = stroke["key"].replace("Ctrl", "Control")
    return Move("press", element, key, int(stroke["times"] or 1))


def _drag(element: Node, detail: str, page: Node) -> Move | None:
    target = TARGET.match(detail)
    to = _by_reference(page, int(target[1])) if target else None
    return Move("drag", element, to=to) if to else None


def _text(detail: str) -> str | None:
    try:
        value = json.loads(detail)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, str) else None
