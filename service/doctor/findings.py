"""What a check found: fine, worth a look, or wrong, and then what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `do` is what mends it, empty where nothing needs mending."""

    level: Level
    about: str
    what: str
    do: str = ""


def ok(about: str, what: str) -> Finding:
    """All is well here."""
    return Finding("ok", about, what)


def warning(about: str, what: str, do: str) -> Finding:
    """It works, but not as well as it could, or not for long."""
    return Finding("warning", about, what, do)


def problem(about: str, what: str, do: str) -> Finding:
    """It doesn't work."""
    return Finding("problem", about, what, do)
