"""`precedent audit`: who changed what, when, and how it went."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from indexing.errors import NotFound
from service.commands.common import (
    DATA_DIR,
    AsJson,
    DataDir,
    answer,
    find_collection,
    open_library,
    say,
)
from service.commands.keys import seconds
from service.commands.status import table
from service.keys import id_given
from service.visible import visible

if TYPE_CHECKING:
    from indexing.library import Library
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
    key = id_given(key) if key else key
    with open_library(data_dir) as library:
        entries = library.audit.list(limit, begin, key, collection)
        if not entries:
            _check_named(library, key, collection)
    if json:
        answer({"entries": [asdict(entry) for entry in entries]})
    elif entries:
        typer.echo(table([HEADINGS, *map(_cells, entries)]))
    else:
        say("nothing was changed")


def _check_named(library: Library, key: str | None, collection: str | None) -> None:
    """Raise NotFound for a key or a collection that neither is there nor ever did anything."""
    known = {one.id for one in library.keys.list()}
    if key and key not in known and not library.audit.list(1, key=key):
        raise NotFound(f"no key {key!r}; `precedent keys list` shows them")
    if collection is not None and not library.audit.list(1, collection=collection):
        find_collection(library, collection)


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
