"""Folders as `precedent synthesize` and `precedent compare` leave them, made by the same code."""

from __future__ import annotations

import json
from pathlib import Path

from evaluation.report import About, write
from evaluation.summarize import summarize
from retrievers.language_model import ScriptedModel
from synthesis.committee import CRITERIA
from tests.environments.household import write_games
from tests.evaluation.made_up import rows
from tests.synthesis.workshops import synthesize

WHY = "nobody would want <b>this</b>"


def rejecting_run(data: Path, name: str = "house") -> int:
    """A run whose committee lets nothing pass; how many pairs it rejected."""
    no = json.dumps({criterion: {"ok": criterion != "natural", "reason": WHY} for criterion in CRITERIA})
    made = synthesize(data / "runs" / name, write_games(data / "games"), voter=ScriptedModel(lambda *_: no))
    assert not made.pairs
    return made.summary.examples


def report(data: Path, name: str = "monday", *collections: str) -> Path:
    """The report of a comparison; its folder."""
    folder = data / "reports" / name
    folder.mkdir(parents=True)
    names = collections or ("rooms",)
    found = list(rows(names))
    about = About("precedent compare rooms", {"collections": list(names)})
    write(folder, found, summarize(found, resamples=200), about)
    return folder
