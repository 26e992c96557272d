"""`precedent reindex` and `precedent rollback`: which generation of a collection is served."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexing.errors import InvalidInput
from indexing.settings import CollectionSettings, assigned
from service.commands.common import (
    DATA_DIR,
    AsJson,
    DataDir,
    Settings,
    answer,
    only_collection,
    open_library,
    parse_settings,
    say,
)
from service.commands.progress import display, duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexing.generations import Manifest
    from indexing.library import Library
    from indexing.records import JSON

Argument = Annotated[str | None, typer.Argument(help="May be left out where there is only one.")]
Named = Annotated[str | None, typer.Option("--collection", "-c", metavar="NAME", help="The same.")]


def build(library: Library, name: str, changes: Mapping[str, JSON] | None = None) -> Manifest:
    """Build and serve a new generation, and show how far it is."""
    begun = time.monotonic()
    with display() as progress:
        manifest = library.reindex(name, changes, progress)
    say(f"generation {manifest.id} of {name}: {counted(manifest)}, in {duration(time.monotonic() - begun)}")
    return manifest


def counted(manifest: Manifest) -> str:
    """`3 trajectories, 1 document`, whichever there are."""
    kinds = (("trajectories", "trajectory"), ("documents", "document"))
    numbers = [(manifest.counts.get(many, 0), many, one) for many, one in kinds]
    return ", ".join(f"{n:,} {one if n == 1 else many}" for n, many, one in numbers if n) or "no records"


def reindex(
    collection: Argument = None,
    named: Named = None,
    embedder: Annotated[str | None, typer.Option(metavar="NAME", help="Embed with another model.")] = None,
    set_: Settings = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Build it, compare its answers, and change nothing.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Tell how its answers compare, then serve it.")
    ] = False,
    situations: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Compare over these: requests of POST /retrieve, one a line; default: drawn."
        ),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Build a new generation of a collection and serve it; reads go on meanwhile."""
    changes = parse_settings(set_) | ({"embedder": embedder} if embedder else {})
    CollectionSettings().updated(changes)
    if situations and not (dry_run or compare):
        raise InvalidInput("--situations goes with --dry-run or --compare")
    with open_library(data_dir) as library:
        name = only_collection(library, collection, named).name
        if dry_run or compare:
            _try_out(library, name, changes, situations, not dry_run, json)
            return
        manifest = build(library, name, changes)
    if json:
        facts = {"collection": name, "generation": manifest.id, "embedder": manifest.settings.embedder}
        answer(facts | {"counts": dict(manifest.counts)})
    else:
        typer.echo(manifest.id)


def _try_out(
    library: Library, name: str, changes: Mapping[str, JSON], file: Path | None, serve: bool, json: bool
) -> None:
    from service.old_and_new import described, read_situations, try_out

    situations = read_situations(file, name) if file else None
    with display() as progress:
        found = try_out(library, name, changes, progress, situations, serve)
    if json:
        answer({"collection": name, **found})
    else:
        typer.echo(described(found))


def rollback(
    collection: Argument = None, named: Named = None, data_dir: DataDir = DATA_DIR, json: AsJson = False
) -> None:
    """Serve the generation before the served one, with the settings that it was built with."""
    from indexing.settings import settings_of

    with open_library(data_dir) as library:
        left = only_collection(library, collection, named)
        generation = library.rollback(left.name)
        settings = settings_of(library.collection(left.name))
    back = settings.indexed_unlike(settings_of(left))
    if json:
        answer({"collection": left.name, "generation": generation, "settings": back})
    else:
        typer.echo(generation)
    if back:
        say(f"{left.name} has the settings back that it was built with: {assigned(back)}")
