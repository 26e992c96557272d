"""Keyboard events, merged into what was typed and which keys were pressed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MODIFIERS = {16: "Shift", 17: "Ctrl", 18: "Alt", 91: "Meta", 93: "Meta", 224: "Meta"}
COMBINING = frozenset({"Ctrl", "Alt", "Meta"})
COMPOSED = 229
"""Code of a key whose character an input method decides."""
BACKSPACE, SPACE = 8, 32
NAMES = {
    BACKSPACE: "Backspace",
    9: "Tab",
    13: "Enter",
    27: "Escape",
    33: "PageUp",
    34: "PageDown",
    35: "End",
    36: "Home",
    37: "ArrowLeft",
    38: "ArrowUp",
    39: "ArrowRight",
    40: "ArrowDown",
    45: "Insert",
    46: "Delete",
    **{111 + number: f"F{number}" for number in range(1, 13)},
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key event: the index of its state, its type and codes, and the element's value there."""

    index: int
    type: str
    code: int
    char: int
    value: Any = None


@dataclass(frozen=True, slots=True)
class Stroke:
    """What a run of keys amounts to: text typed, or a key pressed so many times."""

    first: int
    typed: str = ""
    pressed: str = ""
    times: int = 1

    @property
    def verb(self) -> str:
        return "type" if self.typed else "press"

    @property
    def what(self) -> str:
        """`"hello"`, `Tab`, `Backspace x3`."""
        if self.typed:
            return json.dumps(self.typed, ensure_ascii=False)
        return self.pressed if self.times == 1 else f"{self.pressed} x{self.times}"


@dataclass(slots=True)
class Keyboard:
    """Remembers the modifiers held down from one run of keys to the next."""

    held: set[str] = field(default_factory=set)

    def holding(self) -> str:
        """The modifiers that change what a click means, as words behind it."""
        held = sorted(self.held & COMBINING)
        return f"holding {'+'.join(held)}" if held else ""

    def strokes(self, keys: Sequence[Key], *, is_text: bool) -> list[Stroke]:
        """What a run of keys on one element amounts to.

        Shift only chooses the character. Backspace takes back what the run has typed, and is a
        stroke where it reaches further; what was typed and wholly erased again is nothing. Where
        an input method hides the characters, the change of the element's value tells them.
        """
        run = _Run(self.held, is_text)
        for key in keys:
            run.read(key)
        if keys:
            run.flush(keys[-1])
        return run.strokes


@dataclass(slots=True)
class _Run:
    held: set[str]
    is_text: bool
    strokes: list[Stroke] = field(default_factory=list)
    typed: str = ""
    first: Key | None = None
    composed: bool = False

    def read(self, key: Key) -> None:
        modifier = MODIFIERS.get(key.code, "") if key.type != "keypress" else ""
        if key.type == "keyup":
            self.held.discard(modifier)
        elif modifier:
            self.held.add(modifier)
        elif key.type == "keydown":
            self._down(key)
        elif chr(key.char).isprintable() and not self.held & COMBINING:
            self._character(key)

    def _down(self, key: Key) -> None:
        combining = self.held & COMBINING
        if len(combining) == 1 and chr(key.code).isalnum():
            self._pressed(key, f"{min(combining)}+{chr(key.code)}")
        elif key.code == COMPOSED:
            self.first, self.composed = self.first or key, True
        elif key.code == BACKSPACE and self.typed:
            self.typed = self.typed[:-1]
        elif key.code in NAMES:
            self._pressed(key, NAMES[key.code])

    def _character(self, key: Key) -> None:
        if key.char == SPACE and not self.is_text:
            self._pressed(key, "Space")
        else:
            self.first = self.first or key
            self.typed += chr(key.char)

    def _pressed(self, key: Key, name: str) -> None:
        self.flush(key)
        last = self.strokes[-1] if self.strokes else None
        if last and last.pressed == name:
            self.strokes[-1] = Stroke(last.first, pressed=name, times=last.times + 1)
        else:
            self.strokes.append(Stroke(key.index, pressed=name))

    def flush(self, key: Key) -> None:
        if self.first and self.composed and isinstance(key.value, str):
            self.typed = key.value.removeprefix(self.first.value or "")
        if self.first and self.typed:
            self.strokes.append(Stroke(self.first.index, typed=self.typed))
        self.typed, self.first, self.composed = "", None, False
