"""`precedent snapshot` and `precedent restore`: collections into one file, and back."""

from __future__ import annotations

import gzip
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, cast

import typer

from indexing.errors import InvalidInput, PrecedentError
from service.commands.common import (
    DATA_DIR,
    DATABASE,
    AsJson,
    DataDir,
    answer,
    checked_name,
    find_collection,
    only_collection,
    open_library,
    say,
)
from service.commands.progress import display
from service.commands.reindex import build
from service.sizes import readable

if TYPE_CHECKING:
    from indexing.backup.archive import Source
    from indexing.backup.manifest import BackupManifest, SavedCollection
    from indexing.settings import CollectionSettings
    from service.settings import Settings as ServiceSettings

STANDARD = "-"


def snapshot(
    words: Annotated[
        list[str],
        typer.Argument(metavar="[COLLECTION] FILE", help="The file, - for standard output; gzipped as x.gz."),
    ],
    everything: Annotated[bool, typer.Option("--all", help="All collections in one file.")] = False,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Write a collection, or all, into one checksummed file; what a service writes meanwhile goes on."""
    *collection, file = words
    if len(collection) > 1 or (collection and everything):
        raise InvalidInput("say COLLECTION FILE, or --all FILE")
    if file == STANDARD and json:
        raise InvalidInput("--json and the snapshot would both be on standard output; name a file")
    from indexing.backup.taking import take

    with open_library(data_dir) as library:
        named = collection[0] if collection else None
        names = None if everything else [only_collection(library, named, None).name]
        with _written(file) as stream, display() as progress:
            manifest = take(library, names, stream, progress)
    told = f"{_counted(manifest.collections)} in {file}, {readable(manifest.size)} unpacked"
    if json:
        answer({"file": file, "bytes": manifest.size, "collections": _described(manifest)})
    elif file == STANDARD:
        say(told)
    else:
        typer.echo(told)


def restore(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A snapshot; - for standard input.")],
    collection: Annotated[
        str | None, typer.Argument(help="Only this one of its collections; default: all.")
    ] = None,
    named: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Under another name.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Instead of the collections of these names that are there.")
    ] = False,
    reindex: Annotated[
        bool, typer.Option("--reindex", help="Only the records: embed and index them anew.")
    ] = False,
    embedder: Annotated[
        str | None, typer.Option(metavar="NAME", help="Embed with this model; means --reindex.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Read all of it, and change nothing.")] = False,
    data_dir: DataDir = DATA_DIR,
    json: AsJson = False,
) -> None:
    """Restore what `precedent snapshot` wrote: all of it or nothing."""
    from indexing.backup.restoring import Wish
    from indexing.backup.restoring import restore as restored_from
    from service.settings import load_settings

    settings = load_settings(data_dir=data_dir)
    anew = reindex or embedder is not None

    def allow(wanted: CollectionSettings) -> None:
        settings.check_embedder(embedder or wanted.embedder)
        settings.check_tokenizer(wanted.tokenizer)

    name = checked_name(named) if named else None
    wish = Wish(collection, name, force, not anew, allow)
    with _leaving_nothing_empty(settings), open_library(data_dir, create=True) as library:
        with _opened(file) as stream, display() as progress:
            outcome = restored_from(library, stream, wish, progress, check)
        if anew and not check:
            for one in outcome.restored:
                build(library, one, {"embedder": embedder} if embedder else None)
        rows = {} if check else {name: find_collection(library, name) for name in outcome.restored}
    if json:
        served = {name: row.generation for name, row in rows.items()}
        found = [_facts(name, one) | {"serves": served.get(name)} for name, one in outcome.restored.items()]
        answer({"file": file, "checked_only": check, "collections": found})
    else:
        are = "is" if len(outcome.restored) == 1 else "are"
        done = f"{are} whole and can be restored" if check else f"{are} restored"
        typer.echo(f"{_counted(list(outcome.restored.values()))} {done}: {', '.join(outcome.restored)}")


@contextmanager
def _leaving_nothing_empty(settings: ServiceSettings) -> Iterator[None]:
    """A library that is made in this block, and holds nothing at its end, is removed again."""
    folder, indexes = settings.data_dir, settings.data_dir / "collections"
    made = [path for path in (indexes, folder, *folder.absolute().parents) if not path.exists()]
    new = settings.database_url is None and not (folder / DATABASE).exists()
    try:
        yield
    finally:
        if new and not _is_wanted(folder):
            if indexes in made:
                shutil.rmtree(indexes, ignore_errors=True)
            for path in folder.glob(f"{DATABASE}*"):
                path.unlink()
        for path in made:
            with suppress(OSError):  # it isn't empty, or is gone
                path.rmdir()


def _is_wanted(folder: Path) -> bool:
    """Whether the folder's library holds anything, or a service has been started on it."""
    from service.job_runner import is_worked_on

    try:
        with open_library(folder) as library:
            return bool(library.catalog.list()) or library.keys.exist() or is_worked_on(library)
    except PrecedentError:
        return (folder / DATABASE).exists()  # then nobody knows


def _counted(saved: list[SavedCollection]) -> str:
    trajectories, documents = sum(one.trajectories for one in saved), sum(one.documents for one in saved)
    many = "collection" if len(saved) == 1 else "collections"
    return f"{len(saved)} {many}, {trajectories:,} trajectories, {documents:,} documents"


def _facts(name: str, one: SavedCollection) -> dict[str, object]:
    return {
        "collection": name,
        "trajectories": one.trajectories,
        "documents": one.documents,
        "texts": one.texts,
        "sequence": one.sequence,
        "embedder": one.embedder.name if one.embedder else None,
        "generation": one.generation["id"] if one.generation else None,
    }


def _described(manifest: BackupManifest) -> list[dict[str, object]]:
    return [_facts(one.name, one) for one in manifest.collections]


@contextmanager
def _written(file: str) -> Iterator[IO[bytes]]:
    """Standard output, or a file that is there whole or not at all."""
    from indexing.files import written_whole

    if file == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if not Path(file).absolute().parent.is_dir():
        raise InvalidInput(f"{file}: there is no such folder")
    with ExitStack() as stack:
        stream = stack.enter_context(written_whole(Path(file)))
        if file.endswith(".gz"):
            packed = gzip.GzipFile("", "wb", 6, stream, mtime=0)
            yield cast("IO[bytes]", stack.enter_context(packed))
        else:
            yield stream


@contextmanager
def _opened(file: str) -> Iterator[Source]:
    from indexing.backup.archive import unpacked

    if file == STANDARD:
        with unpacked(cast("BufferedReader", sys.stdin.buffer)) as source:
            yield source
        return
    if not Path(file).exists() or Path(file).is_dir():
        raise InvalidInput(f"{file}: no such file")
    with Path(file).open("rb") as stream, unpacked(stream) as source:
        yield source
