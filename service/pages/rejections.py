"""What a synthesis run rejected, read piece by piece from its file, however long that is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from indexing.errors import InvalidRecord, NotFound
from indexing.parsing import parse_value
from indexing.records import JSON, Trajectory
from service.pages.folders import open_plain
from synthesis.committee import CRITERIA
from synthesis.summary import Rejected

FILE = "rejected.ndjson"
LISTED = 20
LOOKED_AT = 5_000
"""Lines that one page reads, to find those of one reason."""

LONGEST = 8 << 20
"""Bytes of a line; a longer one is passed over."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What a member of the committee said: of each criterion whether it holds (None: nothing), and why."""

    member: str
    yes: bool | None
    says: tuple[tuple[str, bool | None, str], ...]
    failure: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A pair or a task that wasn't kept."""

    reason: str
    pair: Trajectory | None
    votes: tuple[Vote, ...]
    rule: str
    task: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rejections in the order of the file, and where to read on, if there is more."""

    rejections: tuple[Rejection, ...]
    more: int | None


def read(folder: Path, reason: str, start: int) -> Piece:
    """Rejections from the byte `start` on; of one reason, where one is given. None where there is no file."""
    try:
        handle = open_plain(folder / FILE)
    except NotFound:
        return Piece((), None)
    found: list[Rejection] = []
    with os.fdopen(handle, "rb") as file:
        file.seek(start)
        for _ in range(LOOKED_AT):
            line = file.readline(LONGEST)
            if not line.endswith(b"\n"):
                if len(line) < LONGEST:
                    return Piece(tuple(found), None)
                _pass_over(iter(lambda: file.readline(LONGEST), b""))
                continue
            one = _rejection(line)
            if one is not None and reason in ("", one.reason):
                found.append(one)
            if len(found) == LISTED:
                break
        here = file.tell()
        return Piece(tuple(found), here if file.read(1) else None)


def _pass_over(rest: Iterator[bytes]) -> None:
    """Go to the end of a line that is too long."""
    for part in rest:
        if part.endswith(b"\n"):
            return


def _rejection(line: bytes) -> Rejection | None:
    """One line; None where it isn't one of ours."""
    try:
        told = Rejected(**from_json(line))
        pair = parse_value(told.pair, Trajectory) if told.pair is not None else None
    except (InvalidRecord, TypeError, ValueError):
        return None
    verdict = told.verdict if isinstance(told.verdict, dict) else {}
    votes = verdict.get("votes")
    task = told.task if isinstance(told.task, dict) else {}
    return Rejection(
        str(told.reason),
        pair,
        tuple(_vote(one) for one in votes if isinstance(one, dict)) if isinstance(votes, list) else (),
        str(verdict.get("rule", "")),
        {str(name): str(value) for name, value in task.items()},
    )


def _vote(told: Mapping[str, Any]) -> Vote:
    judgements = told.get("judgements")
    said = judgements if isinstance(judgements, dict) else {}
    yes = told.get("yes")
    return Vote(
        str(told.get("member", "")),
        yes if isinstance(yes, bool) else None,
        tuple((name, *_judgement(said.get(name))) for name in dict.fromkeys((*CRITERIA, *said)) if said),
        str(told.get("failure") or ""),
    )


def _judgement(told: JSON) -> tuple[bool | None, str]:
    fields = told if isinstance(told, dict) else {}
    ok = fields.get("ok")
    return ok if isinstance(ok, bool) else None, str(fields.get("reason") or "")
