"""`precedent audit`: who changed what, when, and how it went."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.common import DATA_DIR, AsJson, DataDir, answer, open_library, say, visible
from service.commands.keys import seconds
from service.commands.status import table

if TYPE_CHECKING:
    from indexing.store.audit import Entry

HEADINGS = ("TIME (UTC)", "KEY", "STATUS", "ACTION", "COLLECTION", "RECORDS", "SUBJECT")


def audit(
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="The newest so many.")] = 100,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what is no older: 30m, 12h, 7d.")
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="ID", help="Only what was done with this key.")] = None,
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", metavar="NAME", help="Only what concerns this one.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Show who changed what, newest first; also while a service runs."""
    begin = time.time() - seconds(since) if since is not None else 0.0
    with open_library(data_dir) as library:
        entries = library.audit.list(limit, begin, key, collection)
    if json:
        answer({"entries": [asdict(entry) for entry in entries]})
    elif entries:
        typer.echo(table([HEADINGS, *map(_cells, entries)]))
    else:
        say("nothing was changed")


def _cells(entry: Entry) -> tuple[str, ...]:
    return (
        time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(entry.at)),
        entry.key or "-",
        str(entry.status or "done"),
        entry.action,
        visible(entry.collection or "-"),
        "-" if entry.records is None else f"{entry.records:,}",
        visible(entry.subject or "-"),
    )
