"""MiniWoB++ demonstrations, written by hand in the public format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from indexing.formats import ImportReport
from indexing.records import Trajectory
from tests.indexing.formats.checks import trajectories, write_json

Box = tuple[float, float, float, float]
Dom = dict[str, Any]
FIELD: Box = (10, 10, 100, 20)
BUTTON: Box = (10, 40, 100, 20)


def node(tag: str, ref: int, box: Box = (0, 0, 200, 200), *children: Dom, **fields: Any) -> Dom:
    left, top, width, height = box
    boxes = {"left": left, "top": top, "width": width, "height": height}
    return {"tag": tag, "ref": ref, **boxes, "id": "", "classes": "", "children": list(children), **fields}


def a_form(value: str = "", acted_on: int = 0, **button: Any) -> Dom:
    """A page with a text field [2] and a button [3]; one may bear the recorder's mark."""
    mark = {acted_on: {"recordingTarget": True}}
    return node(
        "BODY",
        1,
        (0, 0, 200, 200),
        node("INPUT_text", 2, FIELD, text="", value=value, **mark.get(2, {})),
        node("BUTTON", 3, BUTTON, **{"text": "Send", **mark.get(3, {}), **button}),
    )


def state(dom: Dom, kind: str | None = None, **event: Any) -> Dom:
    return {"time": 0, "dom": dom, "action": {"type": kind, "timing": 1, **event} if kind else None}


def twice(dom: Dom, kind: str, **event: Any) -> list[Dom]:
    """The event on its way down and back, as recorded."""
    return [state(dom, kind, **event), state(dom, kind, **{**event, "timing": 3})]


def clicked(dom: Dom, x: float, y: float, after: Dom | None = None) -> list[Dom]:
    press = [*twice(dom, "mousedown", x=x, y=y), *twice(dom, "mouseup", x=x, y=y)]
    return [*press, *twice(after or dom, "click", x=x, y=y)]


def key(dom: Dom, kind: str, code: int, char: int = 0) -> list[Dom]:
    return twice(dom, kind, keyCode=code, charCode=char)


def demo(*states: Dom, **fields: Any) -> Dom:
    return {"taskName": "send", "utterance": "Send it.", "rawReward": 1, "states": list(states), **fields}


def read_one(tmp_path: Path, value: object) -> tuple[list[Trajectory], ImportReport]:
    report = ImportReport()
    file = write_json(tmp_path / "first-batch" / "send" / "send_d1.json", value)
    return trajectories("miniwob", file, report), report
