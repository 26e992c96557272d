"""What a new generation would answer against what the served one answers, before it is swapped in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from pydantic import ValidationError

from indexing.analysis import fingerprint
from indexing.building import Progress, silent
from indexing.checking import spread
from indexing.errors import InvalidInput
from indexing.library import Library
from indexing.live import LiveCollection
from indexing.parsing import decode, describe
from indexing.records import JSON
from retrievers.query_writers import TemplateWriter
from retrievers.ranker import is_fitted
from retrievers.requests import Answer
from retrievers.retrieval import retrieve
from service.retrieval import to_request, write_queries
from service.schemas import RetrieveIn

SITUATIONS = 50
"""How many are drawn from the collection itself, where none are given."""

DEPTHS = (1, 5, 10)
SHOWN = 20
"""Most situations told one by one; all are counted."""

PATIENT_S = 600.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One situation, and where it comes from: a stored trajectory's step, or the number of a given one."""

    request: RetrieveIn
    origin: dict[str, Any]


def drawn(library: Library, name: str, count: int = SITUATIONS) -> list[Asked]:
    """Situations of stored trajectories, spread over them, each without its own trajectory to find."""
    snapshot = library.snapshot(name)
    found = []
    for number in spread(snapshot.size, count):
        if not snapshot.trajectories.alive[number]:
            continue
        one = snapshot.trajectory(number)
        step = fingerprint(one.id) % len(one.steps)
        history = [
            {"observation": s.observation, "action": s.action, "thought": s.thought} for s in one.steps[:step]
        ]
        fields = {
            "collection": name,
            "instruction": one.instruction,
            "observation": one.steps[step].observation,
            "history": history[-100:],
            "exclude": [one.id],
        }
        found.append(Asked(RetrieveIn.model_validate(fields), {"trajectory": one.id, "step": step}))
    return found


def given(requests: Sequence[RetrieveIn]) -> list[Asked]:
    """Situations as a client would send them; episodes are left out, which would remember what they saw."""
    return [
        Asked(one.model_copy(update={"episode": None}), {"situation": number})
        for number, one in enumerate(requests, 1)
    ]


def read_situations(file: Path, name: str) -> list[Asked]:
    """Situations from a file of requests, one a line; raises InvalidInput with the line's number."""
    found = []
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        fields = decode(line)
        if not isinstance(fields, dict):
            raise InvalidInput(f"{file}:{number}: not a JSON object; see POST /retrieve")
        try:
            one = RetrieveIn.model_validate({"collection": name, **fields})
        except ValidationError as error:
            raise InvalidInput(f"{file}:{number}: {describe(error)}") from None
        if one.collection == name:
            found.append(one)
    if not found:
        raise InvalidInput(f"{file}: no situation of {name!r} in it")
    return given(found)


def described(found: Mapping[str, Any]) -> str:
    """A comparison for people to read."""
    overlap = found["overlap"].items()
    lines = [
        f"generation {found['generation']}: " + ("served now" if found["served"] else "thrown away again"),
        f"the same answers in the same order: {found['identical']:,} of {found['situations']:,}",
    ]
    if found["situations"]:
        times = found["milliseconds"]
        lines += [
            "in common: " + ", ".join(f"{share:.0%} of the first {k}" for k, share in overlap),
            f"the same first action: {found['same_first_action']:.0%}",
            f"places moved, of those in common: {found['mean_rank_change'] or 0:.1f} on the mean",
            f"milliseconds, median: {times['old']['p50']:.1f} old, {times['new']['p50']:.1f} new",
        ]
    fitted = found["fitted"]
    if fitted["old"] != fitted["new"]:
        which = "the new generation, not for" if fitted["new"] else "the served generation, not for"
        lines.append(f"a ranker was fitted for {which} the other: that alone changes answers of agentic")
    if found["differing"]:
        lines.append(f"those that differ most, at most {SHOWN}:")
    for one in found["differing"]:
        step = f"{one['trajectory']} at step {one['step']}" if "trajectory" in one else None
        old, new = (", ".join(one[which][:5]) or "nothing" for which in ("old", "new"))
        lines.append(f"  {step or one['situation']}: {old}  →  {new}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Pair:
    asked: Asked
    old: tuple[Answer, float]
    new: tuple[Answer, float]


def try_out(
    library: Library,
    name: str,
    changes: Mapping[str, JSON],
    progress: Progress = silent,
    situations: Sequence[Asked] | None = None,
    serve: bool = False,
) -> dict[str, Any]:
    """Build a generation beside the served one and compare their answers; with `serve`, serve it then."""
    with library.prepared(name, changes, progress) as built:
        asked = drawn(library, name) if situations is None else situations
        found = compare(library.live(name), built.live, asked, partial(progress, "comparing"))
        if serve:
            built.serve()
    return {"generation": built.manifest.id, "served": serve, "counts": dict(built.manifest.counts), **found}


def compare(
    old: LiveCollection,
    new: LiveCollection,
    situations: Sequence[Asked],
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """The answers to the same situations, compared; holds ids and numbers, never an observation."""
    pairs = []
    for done, asked in enumerate(situations):
        progress(done, len(situations))
        pairs.append(_Pair(asked, _answer(old, asked.request), _answer(new, asked.request)))
    progress(len(situations), len(situations))
    differing = [pair for pair in pairs if _ids(pair.old[0]) != _ids(pair.new[0])]
    moves = [move for pair in pairs for move in _moves(_ids(pair.old[0]), _ids(pair.new[0]))]
    return {
        "fitted": {"old": is_fitted(old.snapshot), "new": is_fitted(new.snapshot)},
        "situations": len(pairs),
        "identical": len(pairs) - len(differing),
        "overlap": {str(k): _mean([_overlap(pair, k) for pair in pairs]) for k in DEPTHS},
        "same_first_action": _mean([float(_first(pair.old[0]) == _first(pair.new[0])) for pair in pairs]),
        "mean_rank_change": _mean(moves),
        "milliseconds": {
            "old": _milliseconds([pair.old[1] for pair in pairs]),
            "new": _milliseconds([pair.new[1] for pair in pairs]),
        },
        "differing": [
            {**pair.asked.origin, "old": _ids(pair.old[0]), "new": _ids(pair.new[0])}
            for pair in sorted(differing, key=lambda pair: _overlap(pair, DEPTHS[-1]))[:SHOWN]
        ],
    }


def _answer(live: LiveCollection, asked: RetrieveIn) -> tuple[Answer, float]:
    """The answer, and the milliseconds it takes when it is asked for again.

    The first time an index is read from the disk, and the query embedded, which only whoever is asked
    first would pay for.
    """
    deadline = time.monotonic() + PATIENT_S
    written = asyncio.run(write_queries(TemplateWriter(), asked, deadline))
    request = to_request(asked, written, deadline)
    retrieve(live.snapshot, live.builder.lane, request)
    begun = time.monotonic()
    found = retrieve(live.snapshot, live.builder.lane, request)
    return found, (time.monotonic() - begun) * 1e3


def _ids(answer: Answer) -> list[str]:
    return [one.id for one in answer.demonstrations] or [one.id for one in answer.documents]


def _first(answer: Answer) -> str | None:
    return next((one.next_action for one in answer.demonstrations), None)


def _overlap(pair: _Pair, k: int) -> float:
    """The share of the first k that both have; 1 where both have nothing."""
    old, new = set(_ids(pair.old[0])[:k]), set(_ids(pair.new[0])[:k])
    return len(old & new) / max(len(old), len(new)) if old or new else 1.0


def _moves(old: Sequence[str], new: Sequence[str]) -> list[float]:
    places = {id: place for place, id in enumerate(new)}
    return [float(abs(places[id] - place)) for place, id in enumerate(old) if id in places]


def _mean(values: Sequence[float]) -> float | None:
    return round(fmean(values), 4) if values else None


def _milliseconds(values: Sequence[float]) -> dict[str, float] | None:
    ordered = sorted(values)
    if not ordered:
        return None
    return {f"p{share}": round(ordered[(len(ordered) - 1) * share // 100], 2) for share in (50, 95)}
