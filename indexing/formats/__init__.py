"""Importers: public data formats, each read into the one record format.

An importer is a function `read(path, report)` that yields records one by one and counts in
`report` what it leaves out and why. `FORMATS` names them all; `precedent ingest --format` and
`indexing.formats.read` use the same table.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from indexing.errors import InvalidInput
from indexing.records import Record

MAX_ERRORS = 1000
"""Most errors that a report keeps by line; `refused` counts them all."""


@dataclass(slots=True)
class ImportReport:
    """What an import read, what it left out by reason, and what it had to change."""

    read: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)
    replaced: int = 0

    def skip(self, reason: str) -> None:
        """Count one item left out; `reason` is a short fixed phrase, the same for equal causes."""
        self.skipped[reason] += 1

    def refuse(self, line: int, error: str) -> None:
        """Count one line (or array item, from 1) that is no record, with what is wrong with it."""
        self.refused += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append((line, error))

    def replace(self, characters: int) -> None:
        """Count characters that no store keeps (NUL, lone surrogates, broken UTF-8), now U+FFFD."""
        self.replaced += characters


Importer: TypeAlias = Callable[[Path, ImportReport], Iterator[Record]]

FORMATS = {
    "ndjson": "Precedent's own records, one JSON object a line",
    "miniwob": "MiniWoB++ human demonstrations (json, json.gz, tar.gz or folder)",
    "intercode": "InterCode agent logs, SQL and bash (json, tar.gz or folder)",
    "alfworld": "ALFWorld expert trajectories as published with TRAD (json, zip or folder)",
    "openai-chat": "OpenAI chat messages with tool calls, tau-bench logs among them (json, jsonl, gz)",
    "sgd": "Schema-Guided Dialogue (json, tar.gz or folder)",
    "swe-agent": "SWE-agent .traj files (file or folder)",
    "adp": "Agent Data Protocol, standardized form (json or jsonl)",
    "documents": "documents from Markdown, HTML, JSON and text files or folders of them",
}
"""Name of each format and what it reads."""


def importer(name: str) -> Importer:
    """The importer of a format; raises InvalidInput that names those there are."""
    if name not in FORMATS:
        raise InvalidInput(f"unknown format {name!r}; choose one of {', '.join(FORMATS)}", "format")
    module = importlib.import_module(f"indexing.formats.{name.replace('-', '_')}")
    read: Importer = module.read
    return read


def read(name: str, path: Path, report: ImportReport | None = None) -> Iterator[Record]:
    """Read `path` in the named format, record by record."""
    report = report if report is not None else ImportReport()
    for record in importer(name)(path, report):
        report.read += 1
        yield record
