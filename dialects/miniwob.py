"""A MiniWoB++ page (its DOM with boxes) as text that a model can read, and what is done to it in words.

Recordings and live pages come as what the task's own `core.getDOMInfo()` returns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

ROLES = {
    "A": "link",
    "H1": "heading",
    "H2": "heading",
    "H3": "heading",
    "INPUT_date": "date",
    "INPUT_number": "spinbutton",
    "INPUT_text": "textbox",
    "LI": "listitem",
    "P": "paragraph",
    "TD": "cell",
    "TEXTAREA": "textbox",
    "TH": "columnheader",
    "TR": "row",
    "UL": "list",
}
CONTAINERS = frozenset({"DIV", "SPAN", "TBODY", "TD", "BR", "FORM"})
SHAPES = frozenset({"circle", "ellipse", "polygon", "rect", "text"})
TEXT_FIELDS = frozenset({"INPUT_text", "INPUT_password", "INPUT_date", "INPUT_number", "TEXTAREA"})
TICKED = frozenset({"INPUT_checkbox", "INPUT_radio"})
CROWD_WORK_FORM = "mturk_form"
"""Wraps the pages of the first batch; it belongs to the recording, not to the page."""

STATE = re.compile(r"(?:^|-)(active|checked|collapsed|disabled|selected)$")
TELLING_UI_CLASS = re.compile(r"ui-(spinner-(up|down)|datepicker-(prev|next)|dialog-titlebar-close)$")
GENERATED_ID = re.compile(r"ui-id-\d+$")
TRANSPARENT = re.compile(r"transparent$|rgba\(.*, 0\)$")
MAX_NAME = 60


@dataclass(frozen=True, slots=True)
class Node:
    """An element, or a piece of text (tag `t`), with its box in pixels."""

    tag: str
    ref: int
    left: float = 0
    top: float = 0
    width: float = 0
    height: float = 0
    id: Any = None
    classes: Any = None
    text: str | None = None
    value: Any = None
    focused: bool = False
    target: Annotated[bool, Field(alias="recordingTarget")] = False
    background: Annotated[str | None, Field(alias="bgColor")] = None
    children: tuple[Node, ...] = ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in document order."""
    yield node
    for child in node.children:
        yield from walk(child)


def marked(page: Node) -> Node | None:
    """The element that the recorder marked as acted upon."""
    return next((node for node in walk(page) if node.target), None)


def at_point(page: Node, x: float, y: float) -> Node | None:
    """The smallest element whose box holds the point; the deepest of equal ones."""
    holding = [
        node
        for node in walk(page)
        if node.tag != "t"
        and node.left <= x <= node.left + node.width
        and node.top <= y <= node.top + node.height
    ]
    return min(reversed(holding), key=lambda node: node.width * node.height, default=None)


def counterpart(page: Node, node: Node) -> Node | None:
    """The same element on another state of the page: references are renumbered when it reloads."""
    for other in walk(page):
        if other.ref == node.ref and other.tag == node.tag and other.text == node.text:
            return other
    return None


def is_text_field(node: Node) -> bool:
    """Whether what is typed goes into the element as text."""
    return node.tag in TEXT_FIELDS


def has_line(node: Node) -> bool:
    """Whether the page's text has a line for the element, so that an action can name it."""
    return node.tag != "t" and bool(_line(node))


def is_chosen(node: Node) -> bool:
    """Whether it is an option of an open list, and one of those chosen."""
    return node.tag == "OPTION" and _is_painted(node)


def page_text(page: Node) -> str:
    """One line per element, indented: `[ref] role`, id or classes, text, value, state; no positions."""
    return "\n".join(_lines(page, 0))


def describe(node: Node, page: Node) -> str:
    """How an action names an element: `[12] button "Submit"`, or `[5] textbox #name` for want of text.

    An element that the page's text leaves out (an icon within a link) goes by the one around it.
    """
    path = _path(page, node) or [node]
    while len(path) > 1 and not _line(path[-1]):
        path.pop()
    node = path[-1]
    label = len(path) > 1 and node.tag in TICKED and path[-2].tag == "LABEL"
    name = _quoted_text(path[-2]) if label else _quoted(node.text) or _label(node) or _quoted_text(node)
    return _joined(f"[{node.ref}] {role(node)}", name)


def phrase(verb: str, element: Node, page: Node, detail: str = "") -> str:
    """An action: `click [12] button "Submit"`, `type [5] textbox #name "Ann"`; `detail` as it stands."""
    return _joined(f"{verb} {describe(element, page)}", detail)


def quoted(text: str) -> str:
    """Text as it stands in pages and actions."""
    return json.dumps(text, ensure_ascii=False)


def role(node: Node) -> str:
    """What the element is, in the words of accessibility trees where they have one."""
    return ROLES.get(node.tag) or node.tag.removeprefix("INPUT_").lower()


def _lines(node: Node, depth: int) -> Iterator[str]:
    if node.tag == "t":
        if node.text:
            yield "  " * depth + _quoted(node.text)
        return
    if line := _line(node):
        yield "  " * depth + line
    for child in node.children:
        yield from _lines(child, depth + 1 if line else depth)


def _line(node: Node) -> str:
    """The element itself in words; nothing of one that only holds others."""
    features = _features(node)
    if node.tag in CONTAINERS and (not features or node.id == CROWD_WORK_FORM):
        return ""
    return _joined(f"[{node.ref}] {role(node)}", features)


def _path(page: Node, node: Node) -> list[Node]:
    if page is node:
        return [page]
    for child in page.children:
        if path := _path(child, node):
            return [page, *path]
    return []


def _features(node: Node) -> str:
    label = _label(node)
    if label.startswith("#") and node.tag in CONTAINERS:
        label += _telling_classes(node)
    parts = [label, _quoted(node.text)]
    if node.tag in TICKED:
        parts.append("checked" if node.value is True else "unchecked")
    elif isinstance(node.value, str) and node.value:
        parts.append(f"value={_quoted(node.value)}")
    parts += _states(node)
    if node.focused and node.tag != "BODY":
        parts.append("focused")
    if node.tag in SHAPES and not node.children:
        parts.append(f"{node.width:.0f}x{node.height:.0f}")
    elif node.tag in CONTAINERS and not node.children and not node.text and _is_painted(node):
        parts.append(f"color={node.background}")
    return _joined(*parts)


def _label(node: Node) -> str:
    """`#id` where a person gave one; else, where the role says little, `.class`."""
    if isinstance(node.id, str) and node.id and not GENERATED_ID.match(node.id):
        return f"#{node.id}"
    return "" if node.text and node.tag not in CONTAINERS else _telling_classes(node)


def _telling_classes(node: Node) -> str:
    """Classes that say what the element is; not those of a widget library, nor its state."""
    telling = [name for name in _classes(node) if not name.startswith("ui-") or TELLING_UI_CLASS.match(name)]
    return "".join(f".{name}" for name in telling if not STATE.match(name))


def _states(node: Node) -> list[str]:
    found = {match[1] for name in _classes(node) if (match := STATE.search(name))}
    if is_chosen(node):
        found.add("selected")
    return sorted(found)


def _quoted(text: str | None) -> str:
    return quoted(text) if text else ""


def _quoted_text(node: Node) -> str:
    """All text in the element, where it is short enough for a name."""
    text = " ".join(" ".join(part.text for part in walk(node) if part.text).split())
    return _quoted(text) if len(text) <= MAX_NAME and node.tag != "BODY" else ""


def _classes(node: Node) -> list[str]:
    return node.classes.split() if isinstance(node.classes, str) else []


def _is_painted(node: Node) -> bool:
    return bool(node.background) and not TRANSPARENT.match(node.background or "")


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
