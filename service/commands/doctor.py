"""`precedent doctor`: looks at all that an installation stands on; says what is wrong and what to do."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexing.errors import PrecedentError
from service.commands.common import DATABASE, AsJson, answer, open_library, say

if TYPE_CHECKING:
    from service.doctor.findings import Finding
    from service.settings import Settings

MARKS = {"ok": "  ok  ", "warning": " look ", "problem": "WRONG "}


def doctor(
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir", readable=False, help="The data folder; default PRECEDENT_DATA_DIR or data."
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="A service that must answer; default: where the settings have it, if any."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Check settings, packages, the data folder, keys, every collection and the running service."""
    findings = list(examine(data_dir, url))
    problems = sum(finding.level == "problem" for finding in findings)
    warnings = sum(finding.level == "warning" for finding in findings)
    if json:
        answer({"problems": problems, "warnings": warnings, "findings": [asdict(one) for one in findings]})
    else:
        for one in findings:
            typer.echo(f"{MARKS[one.level]} {one.about}: {one.what}")
            if one.do:
                typer.echo(f"       → {one.do}")
    if problems or warnings:
        say(f"{problems} wrong, {warnings} worth a look")
    if problems:
        raise typer.Exit(1)


def examine(data_dir: Path | None = None, url: str | None = None) -> Iterator[Finding]:
    """Everything that there is to find, in the order in which one thing stands on the other."""
    from service.doctor.environment import settings_found
    from service.doctor.packages import check_packages
    from service.doctor.running import address_of, check_running

    settings, found = settings_found(data_dir=data_dir)
    yield from found
    yield from check_packages(settings)
    yield from _data(settings)
    yield from check_running(url or address_of(settings), expected=url is not None)


def _data(settings: Settings) -> Iterator[Finding]:
    """The folder, the database in it, what the database holds: none where the one before is wrong."""
    from service.doctor.collections import check_collections
    from service.doctor.database import check_database
    from service.doctor.findings import problem, warning
    from service.doctor.folder import check_folder
    from service.doctor.keys import check_keys
    from service.doctor.leftovers import check_leftovers

    found = list(check_folder(settings.data_dir))
    if settings.database_url is None and os.access(settings.data_dir, os.X_OK, effective_ids=True):
        found += check_database(settings.data_dir / DATABASE)
    yield from found
    if any(one.level == "problem" for one in found):
        yield warning(
            "keys, collections, jobs", "not looked at, because of the above", "mend that, then look again"
        )
        return
    if not (settings.database_url or (settings.data_dir / DATABASE).is_file()):
        return
    try:
        with open_library(settings.data_dir, settings=settings) as library:
            yield from check_leftovers(library)
            yield from check_keys(library.keys.list(), settings, time.time())
            yield from check_collections(library)
    except PrecedentError as error:
        yield problem("database", str(error), "the message says what to do")
