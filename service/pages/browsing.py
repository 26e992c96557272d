"""Finding stored trajectories: by id, by the words of their instruction, by what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias
from urllib.parse import urlencode

import numpy as np

from indexing.engine import Mask, Numbers
from indexing.filters import Filter, parse_filter
from indexing.records import Trajectory
from indexing.snapshot import Snapshot
from indexing.terms import terms
from service.pages.situation import is_number
from service.problems import InvalidFields

LISTED = 25
"""Trajectories on one page."""

FOUND = 500
"""The most that a search for words finds."""

Outcome: TypeAlias = Literal["", "success", "failure", "unknown"]
OUTCOMES: Mapping[str, int] = {"success": 1, "failure": 0, "unknown": -1}
KINDS = ("synthesized", "recorded", "human")
CONSTRUCTIONS = ("original", "abstraction", "summary")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, each as the form holds it; an empty text asks for nothing."""

    q: str = ""
    outcome: str = ""
    kind: str = ""
    construction: str = ""
    rollout: str = ""
    least: str = ""
    most: str = ""
    page: str = ""

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> Wanted:
        """From the query of an address; what isn't known is passed over."""
        return cls(**{one.name: pairs[one.name] for one in fields(cls) if one.name in pairs})

    def query(self, **changes: Any) -> str:
        """As the query of an address, with some of it changed."""
        told = {one.name: getattr(self, one.name) for one in fields(self)} | changes
        return urlencode({name: value for name, value in told.items() if value not in ("", None)})

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but a page is asked for."""
        return self.query(page="") != ""

    def number(self, name: str) -> int | None:
        """The number in a field; raises InvalidFields for none."""
        text = getattr(self, name).strip()
        if not text:
            return None
        if not is_number(text):
            raise InvalidFields([(name, "write a whole number, or leave it empty")])
        return int(text)

    def conditions(self) -> Filter:
        """What the attribute index can tell."""
        told = {"source.kind": self.kind, "source.construction": self.construction}
        told["source.rollout"] = self.rollout
        return parse_filter({path: value for path, value in told.items() if value})


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what was found: of `total`, from the one with number `first`, counted from 1."""

    trajectories: tuple[Trajectory, ...]
    total: int
    first: int
    page: int
    pages: int
    ranked: bool
    """By how well the words match; else in the order of ids."""


def find(snapshot: Snapshot, wanted: Wanted) -> Found:
    """A page of the trajectories that are wanted; raises InvalidFields."""
    scope = _scope(snapshot, wanted)
    text = wanted.q.strip()
    numbers = _matching(snapshot, text, scope) if text else _listed(snapshot, scope)
    pages = max(1, -(-len(numbers) // LISTED))
    page = min(max(wanted.number("page") or 1, 1), pages)
    first = (page - 1) * LISTED
    shown = tuple(snapshot.trajectory(number) for number in numbers[first : first + LISTED].tolist())
    return Found(shown, len(numbers), first + 1 if shown else 0, page, pages, bool(text))


def _scope(snapshot: Snapshot, wanted: Wanted) -> Mask:
    mask = snapshot.scope(wanted.conditions(), ()).copy()
    everything = np.arange(len(mask))
    if wanted.outcome:
        if wanted.outcome not in OUTCOMES:
            raise InvalidFields([("outcome", f"choose one of {', '.join(OUTCOMES)}")])
        mask &= snapshot.success_of(everything) == OUTCOMES[wanted.outcome]
    least, most = wanted.number("least"), wanted.number("most")
    if least is not None or most is not None:
        steps = snapshot.steps_of(everything)
        mask &= (steps >= (least or 0)) & (steps <= (most if most is not None else np.iinfo(np.int32).max))
    return mask


def _listed(snapshot: Snapshot, scope: Mask) -> Numbers:
    """All of them in the order of their ids."""
    numbers = np.flatnonzero(scope)
    ordered: Numbers = numbers[np.argsort(snapshot.trajectories.rank[numbers], kind="stable")]
    return ordered


def _matching(snapshot: Snapshot, text: str, scope: Mask) -> Numbers:
    """Those whose ids begin so, then those whose instruction has the words, best first."""
    pool = snapshot.trajectories
    begun = [
        start + place
        for start, segment in zip(pool.starts.tolist(), pool.segments, strict=False)
        for place, id in enumerate(segment.ids)
        if id.startswith(text) and scope[start + place]
    ]
    ranks = pool.rank[np.asarray(begun, np.int64)]
    named = np.asarray(begun, np.int64)[np.argsort(ranks, kind="stable")][:FOUND]
    hits = snapshot.search_lexical("instruction", terms(text), FOUND, scope)
    told = hits.numbers[hits.scores > 0]
    found: Numbers = np.concatenate([named, told[~np.isin(told, named)]]).astype(np.int64)
    return found
