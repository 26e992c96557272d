"""What the pages show: requests with their answers, command lines, and Python, out of the Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
REQUEST = re.compile(r"request: (?P<method>[A-Z]+) (?P<path>/\S*)")
ELIDED = "…"
KEYS = ("rank", "index", "id")


@dataclass(frozen=True, slots=True)
class Block:
    """A code block, and what the comment right before it says of it."""

    where: str
    language: str
    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that a page shows, and the answer if it shows one."""

    where: str
    method: str
    path: str
    body: Any
    answer: Any = None


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path: Path) -> list[Block]:
    text = path.read_text() if path.is_file() else ""
    return [
        Block(
            f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, found.start('language')) + 1}",
            found["language"],
            (found["mark"] or "").strip(),
            found["text"],
        )
        for found in BLOCK.finditer(text)
    ]


def all_blocks() -> list[Block]:
    return [block for path in pages() for block in blocks(path)]


def exchanges(found: list[Block]) -> Iterator[Exchange]:
    """The marked requests, each with the answer marked right after it."""
    for block, after in zip(found, [*found[1:], None], strict=True):
        if asked := REQUEST.fullmatch(block.mark):
            answer = json.loads(after.text) if after and after.mark == "answer" else None
            body = json.loads(block.text) if block.text.strip() else None
            yield Exchange(block.where, asked["method"], asked["path"], body, answer)


def differences(shown: Any, real: Any, path: str = "answer") -> list[str]:
    """Where an answer isn't as it is shown.

    Shown objects may leave fields out, and shown lists items: one that has a rank, an index or an id
    is looked up by it. `…` stands for any text or value, at a text's end for the rest of it. Numbers
    may differ by what rounding does.
    """
    match shown, real:
        case str(), _ if shown == ELIDED:
            return []
        case str(), str() if shown.endswith(ELIDED) and real.startswith(shown.removesuffix(ELIDED)):
            return []
        case dict(), dict():
            missing = [f"{path}.{name}: not in the answer" for name in shown if name not in real]
            common = (name for name in shown if name in real)
            return missing + [
                found for name in common for found in differences(shown[name], real[name], f"{path}.{name}")
            ]
        case list(), list():
            items = shown[:-1] if shown and shown[-1] == ELIDED else shown
            if len(items) > len(real) or (not items and shown != [ELIDED] and real):
                return [f"{path}: {len(real)} items, {len(items)} are shown"]
            return [
                found
                for index, item in enumerate(items)
                for found in differences(item, _counterpart(item, index, real), f"{path}[{index}]")
            ]
        case bool(), _ if shown is not real:
            return [f"{path}: {real!r}, shown is {shown!r}"]
        case int() | float(), int() | float() if abs(shown - real) <= 0.005 * max(1.0, abs(shown)):
            return []
    return [] if type(shown) is type(real) and shown == real else [f"{path}: {real!r}, shown is {shown!r}"]


def _counterpart(shown: Any, index: int, real: list[Any]) -> Any:
    """The item that a shown one stands for."""
    name = next((key for key in KEYS if isinstance(shown, dict) and key in shown), None)
    if name is None:
        return real[index]
    return next((item for item in real if isinstance(item, dict) and item.get(name) == shown[name]), None)


def commands(found: list[Block]) -> Iterator[tuple[str, str]]:
    """Every `$ precedent …` line, joined where it goes on after a backslash."""
    for block in found:
        for line in re.sub(r"\\\n\s*", "", block.text).splitlines():
            if called := re.match(r"\$ (?:\S+/)?precedent\s+(.*)", line):
                yield block.where, called[1]
