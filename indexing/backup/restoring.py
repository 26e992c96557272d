"""Restoring a backup: laid out beside and checked whole, then made to stand in one transaction.

Until that transaction nothing has changed but for vectors, which are kept by their text and wait
for whoever needs them. A process that is killed leaves the collections that were there.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from indexing.backup.archive import ArchiveReader, Source
from indexing.backup.manifest import BackupManifest, SavedCollection
from indexing.backup.staged import StagedCollection
from indexing.backup.taking import MB
from indexing.building import Progress, silent
from indexing.errors import Conflict, EmbedderMismatch, InvalidInput, NotFound, StorageFull
from indexing.files import staging, sync
from indexing.library import Library
from indexing.normalizers import normalizer
from indexing.settings import CollectionSettings
from indexing.store.restored import Restored, write_collections
from indexing.tokens import tokenizer

ROOM = 2.0
"""How much room is asked for, as a multiple of the archive's files: they go to two places for a moment."""


def _all_settings(settings: CollectionSettings) -> None:
    """Any settings will do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a backup is to be restored, and how."""

    only: str | None = None
    """One of its collections; all of them by default."""
    name: str | None = None
    """Another name for it."""
    replace: bool = False
    """Instead of collections of the same names."""
    indexes: bool = True
    """With the generation and the vectors, which are another model's where the embedder has changed."""
    allow: Callable[[CollectionSettings], None] = _all_settings
    """Raises InvalidInput for settings that aren't allowed here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was read of a backup, and the names under which its collections stand now."""

    manifest: BackupManifest
    restored: dict[str, SavedCollection]


def restore(
    library: Library, stream: Source, wish: Wish, progress: Progress = silent, check_only: bool = False
) -> Outcome:
    """Restore the collections of an archive, all or none; with `check_only` only tell whether they could be.

    Raises
    ------
    InvalidInput
        The archive is damaged, cut off, or was tampered with; says where.
    Conflict
        There is a collection of that name.
    EmbedderMismatch
        Its vectors are another model's than the one here.
    StorageFull
        It wouldn't fit.
    """
    reader = ArchiveReader(stream)
    chosen = _chosen(reader.manifest, wish)
    if not check_only:
        _check_names(library, chosen, wish)
    with staging(library.folder / "collections") as folder, ExitStack() as held:
        _lay_out(reader, folder, progress)
        staged = {name: StagedCollection(saved, folder / str(at)) for name, (at, saved) in chosen.items()}
        for done, one in enumerate(staged.values()):
            progress("checking", done, len(staged))
            one.check(wish.indexes)
            _check_settings(library, one.saved, wish)
        if not check_only:
            _make_stand(library, staged, wish, held, progress)
    return Outcome(reader.manifest, {name: saved for name, (_, saved) in chosen.items()})


def _chosen(manifest: BackupManifest, wish: Wish) -> dict[str, tuple[int, SavedCollection]]:
    """Those that are wished for, by the name to be, with their numbers in the archive."""
    there = {one.name: (at, one) for at, one in enumerate(manifest.collections, 1)}
    if wish.only is not None and wish.only not in there:
        raise NotFound(f"no collection {wish.only!r} in the snapshot; it holds {', '.join(sorted(there))}")
    chosen = {wish.only: there[wish.only]} if wish.only else there
    if wish.name is None:
        return chosen
    if len(chosen) > 1:
        raise InvalidInput(
            f"the snapshot holds {len(chosen)} collections; name the one to restore as another"
        )
    return dict.fromkeys([wish.name], next(iter(chosen.values())))


def _check_names(library: Library, names: dict[str, tuple[int, SavedCollection]], wish: Wish) -> None:
    taken = [name for name in names if library.catalog.get(name) is not None]
    if taken and not wish.replace:
        raise Conflict(
            f"there is a collection {taken[0]!r} already; restore it with --as another name, or with --force "
            "instead of the one that is there"
        )


def _lay_out(reader: ArchiveReader, folder: Path, progress: Progress) -> None:
    """Write the archive's files below `folder`; checks all of them, to the last byte."""
    manifest = reader.manifest
    if shutil.disk_usage(folder).free < ROOM * manifest.size:
        raise StorageFull(f"the snapshot needs {ROOM * manifest.size / MB:,.0f} MB; make room and try again")
    done = 0
    for member in manifest.members:
        path = folder / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            for piece in reader.pieces(member):
                file.write(piece)
                done += len(piece)
                progress("reading back", done // MB, manifest.size // MB)
    reader.end()


def _check_settings(library: Library, saved: SavedCollection, wish: Wish) -> None:
    """Raise InvalidInput for settings without a meaning here, EmbedderMismatch for another model."""
    told, served = CollectionSettings().updated(saved.settings), saved.served()
    used = served.settings if served else told
    for settings in (told, used):
        wish.allow(settings)
        normalizer(settings.observation_normalizer)
        tokenizer(settings.tokenizer)
    if saved.embedder is None or not wish.indexes:
        return
    if saved.embedder.name != used.embedder:
        raise InvalidInput(
            f"the vectors of {saved.name!r} are of {saved.embedder.name!r}, not of {used.embedder!r}"
        )
    here = library.lane(saved.embedder.name).embedder
    if here.fingerprint != saved.embedder.fingerprint:
        raise EmbedderMismatch(
            f"{saved.name!r} was indexed with another build of {saved.embedder.name} than the one here "
            f"({saved.embedder.fingerprint[:40]}, not {here.fingerprint[:40]}): "
            "install that one, or restore with --reindex, which embeds everything anew"
        )
    if saved.texts and here.dimension != saved.embedder.dimension:
        raise InvalidInput(f"the vectors of {saved.name!r} have another dimension than its model gives")


def _make_stand(
    library: Library, staged: dict[str, StagedCollection], wish: Wish, held: ExitStack, progress: Progress
) -> None:
    if wish.indexes:
        for one in staged.values():
            for vectors in one.vectors():
                if one.saved.embedder is not None:
                    library.vectors.put(one.saved.embedder.fingerprint, vectors)
    wanted = [_wanted(library, name, one, wish) for name, one in staged.items()]
    total = sum(one.saved.trajectories + one.saved.documents for one in staged.values())
    progress("restoring", 0, total)

    def place(one: Restored, id: int) -> None:
        held.enter_context(library.publisher.building(id))
        root = library.publisher.root(id)
        shutil.rmtree(root, ignore_errors=True)  # of one that was never entered: its process was killed
        root.mkdir()
        if one.generation is not None:
            staged[one.name].generation.rename(root / str(one.generation["id"]))
        sync(root)
        sync(root.parent)

    for id in write_collections(library.database, wanted, wish.replace, place):
        library.forget(id)
    progress("restoring", total, total)


def _wanted(library: Library, name: str, one: StagedCollection, wish: Wish) -> Restored:
    """The collection to be written; its generation under an id of its own where that one is taken."""
    served = one.saved.served() if wish.indexes else None
    if served is not None:
        row, before = library.catalog.generation(served.id), library.catalog.get(name)
        if row is not None and not (before and wish.replace and before.id == row.collection):
            served = one.finish_generation(served, f"{int(time.time() * 1000):x}-{secrets.token_hex(3)}")
    return Restored(
        name=name,
        settings=CollectionSettings().updated(one.saved.settings).to_fields(),
        sequence=one.saved.sequence,
        created_at=one.saved.created_at,
        records=one.records,
        deletions=one.deletions,
        generation=served.to_fields() if served else None,
    )
