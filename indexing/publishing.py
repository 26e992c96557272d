"""Generations of a collection over time: built, published, loaded, rolled back, forgotten."""

from __future__ import annotations

import fcntl
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from indexing.building import Builder, Progress, silent
from indexing.errors import Conflict, CorruptGeneration, PrecedentError, told_of_disk
from indexing.files import clean_stages, remove_unless_used
from indexing.generations import Generation, Manifest, load_generation, remove_leftovers
from indexing.records import JSON
from indexing.retention import Retention, is_target
from indexing.settings import CollectionSettings, assigned, settings_of
from indexing.store import catalog as rows
from indexing.store.catalog import Catalog
from indexing.store.records import RecordStore

log = logging.getLogger(__name__)


class Publisher:
    """The generations of all collections of one data folder."""

    def __init__(self, folder: Path, catalog: Catalog, records: RecordStore, keep: Retention) -> None:
        self.folder = folder
        self.keep = keep
        self.catalog = catalog
        self.records = records

    def root(self, collection: int) -> Path:
        """The folder of a collection's generations."""
        return self.folder / "collections" / str(collection)

    def build(self, collection: rows.Collection, builder: Builder, progress: Progress = silent) -> Manifest:
        """Build a generation of the collection as its row says; not served yet.

        Raises
        ------
        StorageFull, StorageFailed
            Its files can't be written; nothing of it is left.
        """
        with told_of_disk("the generation can't be written"):
            return builder.generation(
                self.records, collection.id, collection.sequence, self.root(collection.id), progress
            )

    def load(self, collection: int, generation: str, manifest: Manifest | None = None) -> Generation:
        """Load a generation, just built or entered; raises CorruptGeneration."""
        row = None if manifest else self.catalog.generation(generation)
        expected = manifest.to_fields() if manifest else row.manifest if row else None
        if expected is None:
            raise CorruptGeneration(f"generation {generation} isn't in the database; run: precedent reindex")
        return load_generation(self.root(collection) / generation, expected)

    def publish(
        self, began: rows.Collection, manifest: Manifest, changes: Mapping[str, JSON] | None = None
    ) -> None:
        """Enter a generation and serve it, with changed settings if there are any, at once or not at all.

        `began` is the collection as it stood when the build began. Older generations than the last few
        are removed.

        Raises
        ------
        Conflict
            Another generation has been served since, with settings that this one hasn't: a rollback, or a
            reindex that changed them, stands.
        """
        collection = began.id

        def settled(now: rows.Collection) -> Mapping[str, JSON]:
            wanted = settings_of(now).updated(changes or {})
            if now.generation != began.generation and wanted.indexed_unlike(manifest.settings):
                raise Conflict(
                    f"generation {now.generation} with other settings has been served since this reindex of "
                    f"{now.name!r} began, and stays; start it again if you want it still"
                )
            return wanted.to_fields()

        newest = max((row.created_at for row in self.catalog.generations(collection)), default=0.0)
        now = max(time.time(), newest + 1e-3)  # a clock may be set back; the order of building stays
        fields = manifest.to_fields()
        self.catalog.publish(
            rows.Generation(manifest.id, collection, "ready", manifest.sequence, now, fields), settled
        )
        try:
            self._prune(collection)
        except PrecedentError as error:
            log.warning("old generations of collection %d stay until the next one: %s", collection, error)

    def _prune(self, collection: int) -> None:
        """Remove what the policy doesn't keep; what another process is loading stays until the next time."""
        history = self.catalog.generations(collection)
        served = next((row.id for row in history if row.state == "ready"), None)
        for row in self.keep.superfluous(history, served, time.time()):
            if remove_unless_used(self.root(collection) / row.id):
                self.catalog.delete_generation(row.id)

    @contextmanager
    def discarding(self, collection: int, generation: str) -> Iterator[None]:
        """What was built is removed at the end where it was not entered: it failed, or was only asked."""
        try:
            yield
        finally:
            with suppress(PrecedentError):
                if self.catalog.generation(generation) is None:
                    shutil.rmtree(self.root(collection) / generation, ignore_errors=True)

    def load_or_rebuild(
        self,
        collection: rows.Collection,
        generation: str,
        builder: Callable[[CollectionSettings | None], Builder],
    ) -> Generation:
        """The served generation; one that is broken is refused and built again from the store."""
        try:
            return self.load(collection.id, generation)
        except CorruptGeneration as error:
            broken = str(error)  # the error itself would hold what was mapped before it broke
        now = self.catalog.get(collection.name)
        if now is not None and now.generation not in (None, generation):
            return self.load_or_rebuild(now, now.generation, builder)  # it was removed: another is served
        log.error(
            "generation %s of %s is refused: %s; building it again", generation, collection.name, broken
        )
        row = self.catalog.generation(generation)
        if row is not None:
            self.catalog.set_generation_state(generation, "failed")
        settings = CollectionSettings(**row.manifest["settings"]) if row else None
        with self.building(collection.id):
            built = self.build(collection, builder(settings))
            try:
                self.publish(collection, built)
            except Conflict:
                return self.load_or_rebuild(collection, generation, builder)  # another is served by now
        return self.load(collection.id, built.id, built)

    def load_before(self, collection: rows.Collection) -> Generation:
        """The generation before the served one.

        Raises
        ------
        Conflict
            There is none.
        CorruptGeneration
            It is damaged; says how to have its settings back all the same.
        """
        before = self.before(collection)
        try:
            return self.load(collection.id, before.id)
        except CorruptGeneration as error:
            used = CollectionSettings().updated(before.manifest["settings"])
            back = assigned(used.indexed_unlike(CollectionSettings().updated(collection.settings)))
            raise CorruptGeneration(
                f"generation {before.id}, the one before the served {collection.generation}, is refused: "
                f"{error}; the served one stays. Build one with its settings from the records: "
                f"precedent reindex {collection.name} {back}".rstrip()
            ) from error

    def before(self, collection: rows.Collection) -> rows.Generation:
        """The row of the generation before the served one; raises Conflict where there is none."""
        history = self.catalog.generations(collection.id)
        places = [place for place, row in enumerate(history) if row.id == collection.generation]
        older = [row for row in history[places[0] + 1 :] if is_target(row)] if places else []
        if not older:
            raise Conflict(f"collection {collection.name!r} has no generation before the served one")
        return older[0]

    @contextmanager
    def building(self, collection: int) -> Iterator[None]:
        """While this lasts, no process takes a generation that is being built for a crash's leftover.

        What a crash left goes before: a job that is taken up again may be here before the start's own look.
        """
        self.clean(collection)
        with self._lock_file(collection) as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    def clean(self, collection: int) -> None:
        """Remove what a crash left behind, unless some process is building."""
        with self._lock_file(collection) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            remove_leftovers(self.root(collection), [row.id for row in self.catalog.generations(collection)])

    def clean_strays(self) -> None:
        """Remove what a crash left of collections that were being restored, or being removed."""
        root = self.folder / "collections"
        clean_stages(root)
        for folder in [path for path in root.glob("*") if path.name.isdecimal() and path.is_dir()]:
            with self._lock_file(int(folder.name)) as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                if int(folder.name) not in {row.id for row in self.catalog.list()}:
                    self.forget(int(folder.name))

    def forget(self, collection: int) -> None:
        """Remove all files of a collection that is gone."""
        shutil.rmtree(self.root(collection), ignore_errors=True)
        self._lock_path(collection).unlink(missing_ok=True)

    def _lock_path(self, collection: int) -> Path:
        return self.folder / "collections" / f"{collection}.lock"

    def _lock_file(self, collection: int) -> IO[bytes]:
        with told_of_disk("the folder of generations can't be opened"):
            self.root(collection).mkdir(parents=True, exist_ok=True)
            return self._lock_path(collection).open("wb")
