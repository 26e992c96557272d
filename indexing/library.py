"""The library: a data folder with its collections, opened by one process or by several.

Writes go to the store and are done when they are on disk; one thread then makes them searchable.
Every read first asks the store, cheaply, whether the collection has changed: another process may
have written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from indexing.builders import Builders
from indexing.building import Progress, silent
from indexing.checking import check_generation
from indexing.embedder import Embedder, load_embedder
from indexing.errors import NotFound, PrecedentError
from indexing.generations import Manifest
from indexing.lane import EmbeddingLane, Lanes
from indexing.learned import Learner, nothing
from indexing.live import LiveCollection
from indexing.normalizers import normalizer
from indexing.prepared import Prepared
from indexing.publishing import Publisher
from indexing.records import JSON, Record
from indexing.retention import Retention
from indexing.served import LiveCollections
from indexing.settings import INDEXED, CollectionSettings, settings_of
from indexing.snapshot import Snapshot
from indexing.store import catalog as rows
from indexing.store.audit import AuditLog
from indexing.store.catalog import Catalog
from indexing.store.database import open_database
from indexing.store.episodes import EpisodeStore
from indexing.store.jobs import JobStore
from indexing.store.keys import KeyStore
from indexing.store.records import Kind, SqlRecordStore, Upserted
from indexing.store.vectors import VectorCache
from indexing.tokens import tokenizer


class Library:
    """All collections of one data folder; safe to use from many threads."""

    def __init__(
        self,
        folder: Path,
        embedders: Callable[[str], Embedder] = load_embedder,
        url: str | None = None,
        learner: Learner = nothing,
        vectors: VectorCache | None = None,
        keep: Retention | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.database = open_database(url or f"sqlite:///{folder.absolute()}/precedent.db")
        self.catalog = Catalog(self.database)
        self.records = SqlRecordStore(self.database)
        self.jobs = JobStore(self.database)
        self.episodes = EpisodeStore(self.database)
        self.keys = KeyStore(self.database)
        self.audit = AuditLog(self.database)
        self.publisher = Publisher(folder, self.catalog, self.records, keep or Retention())
        self.vectors = vectors or VectorCache(self.database)
        self._lanes = Lanes(embedders, self.vectors)
        self._builders = Builders(self._lanes, learner)
        self._live = LiveCollections(self.records)
        self._indexer = self._live.indexer

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop indexing and let go of the database; nothing acknowledged is lost."""
        self._indexer.close()
        self._lanes.close()
        self.database.dispose()

    # Collections

    def create(self, name: str, changes: Mapping[str, JSON]) -> tuple[rows.Collection, bool]:
        """Create a collection, or change the settings of the one there is; tells which (True: created)."""
        found = self.catalog.get(name)
        before = settings_of(found) if found else CollectionSettings()
        settings = before.updated(changes)
        normalizer(settings.observation_normalizer)
        tokenizer(settings.tokenizer)
        if settings.embedder != before.embedder:
            self.lane(settings.embedder)
        if found is None:
            return self.catalog.create(name, settings.to_fields()), True
        self.catalog.update_settings(found.id, settings.to_fields())
        live = self._live.get(found.id)
        if live is not None and live.generation is None:
            self._live.renew(live, self._builders.of(name, settings))
        return self.collection(name), False

    def collection(self, name: str) -> rows.Collection:
        """A collection's row; raises NotFound."""
        found = self.catalog.get(name)
        if found is None:
            raise NotFound(f"no collection {name!r}; create it with PUT /collections/{name}")
        return found

    def remove(self, name: str) -> None:
        """Remove a collection with all its records, generations and files."""
        found = self.collection(name)
        self.catalog.delete(found.id)
        self.forget(found.id)

    def forget(self, id: int) -> None:
        """Let go of a collection that is removed, and of its files."""
        self._live.forget(id)
        self._indexer.forget()
        self.publisher.forget(id)

    def overgrown(self) -> list[str]:
        """Collections whose delta asks for a new generation: memory and restarts grow with it."""
        grown = {live.id for live in self._live.all() if live.overgrown}
        return [row.name for row in self.catalog.list() if row.id in grown] if grown else []

    # Records

    def upsert(self, name: str, kind: Kind, records: Sequence[Record]) -> Upserted:
        """Keep records; on disk on return, searchable soon after (see `wait`)."""
        done = self.records.upsert(self.collection(name).id, kind, records)
        self._indexer.wake()
        return done

    def delete(self, name: str, kind: Kind, id: str) -> int:
        """Delete a record: gone from every answer on return; raises NotFound."""
        collection = self.collection(name).id
        sequence = self.records.delete(collection, kind, id)
        if sequence is None:
            raise NotFound(f"no {kind} {id!r} in collection {name!r}")
        if (live := self._live.get(collection)) is not None:
            live.hide([(kind, id, sequence)], 0)
        self._indexer.wake()
        return sequence

    def wait(self, name: str, sequence: int, timeout_s: float = 600.0) -> None:
        """Return when everything up to `sequence` is searchable.

        Raises
        ------
        Overloaded
            It took longer than `timeout_s`; what was acknowledged is kept and will be searchable.
        """
        self._indexer.wait(lambda: self.live(name), sequence, timeout_s)

    # Searching

    def lane(self, embedder: str) -> EmbeddingLane:
        """The embedding lane of an embedder, loaded at first use."""
        return self._lanes[embedder]

    def lanes(self) -> dict[str, EmbeddingLane]:
        """The embedding lanes in use, by embedder."""
        return self._lanes.opened()

    def deltas(self) -> dict[int, int]:
        """Records in memory beside the generation, by the id of each loaded collection; waits for nothing."""
        return {live.id: live.delta for live in tuple(self._live.values())}

    def snapshot(self, name: str) -> Snapshot:
        """The collection as it stands now; raises NotFound."""
        return self.live(name).snapshot

    def live(self, name: str) -> LiveCollection:
        """The served state of a collection, with every deletion that is on disk."""
        state = self.catalog.state(name)
        if state is None:
            self.collection(name)
            raise NotFound(f"no collection {name!r}")
        id, sequence, generation = state
        live = self._live.get(id)
        if live is None or live.generation_id != generation:
            live = self._open(id, name, generation)
        if live.hidden_up_to < sequence:
            live.catch_deletions(self.records)
            self._indexer.wake()
        return live

    def _open(self, id: int, name: str, generation: str | None) -> LiveCollection:
        with self._live.lock:
            live = self._live.get(id)
            if live is not None and live.generation_id == generation:
                return live
            row = self.collection(name)
            wanted = settings_of(row)
            if row.generation is None:
                live = LiveCollection(id, self._builders.of(name, wanted), None)
            else:
                loaded = self.publisher.load_or_rebuild(
                    row, row.generation, lambda known: self._builders.of(name, known or wanted)
                )
                live = LiveCollection(id, self._builders.fitting(name, loaded.manifest), loaded)
            # A first opening serves at once what was embedded before; the rest comes as it is embedded.
            self._live.swap_in(live, embed=self._live.get(id) is not None)
            return live

    # Generations

    @contextmanager
    def prepared(
        self,
        name: str,
        changes: Mapping[str, JSON] | None = None,
        progress: Progress = silent,
        learner: Learner | None = None,
    ) -> Iterator[Prepared]:
        """A new generation, built beside the served one and checked; gone with the block unless served.

        `changes` are settings to change with it. `progress` may raise to cancel; then nothing has
        changed. `learner` learns from this generation instead of the library's.
        """
        row = self.collection(name)
        settings = settings_of(row).updated(changes or {})
        builder = self._builders.make(settings, learner)

        def publish() -> None:
            self.publisher.publish(row, manifest, changes)

        with self.publisher.building(row.id):
            manifest = self.publisher.build(row, builder, progress)
            with self.publisher.discarding(row.id, manifest.id):
                generation = self.publisher.load(row.id, manifest.id, manifest)
                checking = partial(progress, "checking", 0, 1)
                check_generation(generation, builder, self.records, row.id, checking)
                progress("checking", 1, 1)
                live = LiveCollection(row.id, builder, generation)
                live.catch_up(self.records, self._indexer.closing)
                yield Prepared(manifest, live, lambda: self._live.swap_in(live, publish))
        self._indexer.wake()

    def reindex(
        self,
        name: str,
        changes: Mapping[str, JSON] | None = None,
        progress: Progress = silent,
        learner: Learner | None = None,
    ) -> Manifest:
        """Build a generation as `prepared` does and swap it in; blocks until that is done, reads go on."""
        with self.prepared(name, changes, progress, learner) as built:
            built.serve()
        return built.manifest

    def rollback(self, name: str) -> str:
        """Serve the generation before, with its settings; returns its id.

        Raises
        ------
        Conflict
            There is none before.
        CorruptGeneration
            It is damaged; the served one stays.
        """
        row = self.collection(name)
        loaded = self.publisher.load_before(row)
        before = loaded.manifest.id
        self._builders.fitting(name, loaded.manifest)
        used = loaded.manifest.settings.to_fields()
        settings = settings_of(row).updated({setting: used[setting] for setting in INDEXED})
        self.catalog.roll_back(row.id, before, settings.to_fields())
        self._open(row.id, name, before)
        return before

    def start(self) -> None:
        """Remove what a crash left behind and load every collection.

        Raises
        ------
        PrecedentError
            A collection can't be served; the others are.
        """
        failures = []
        self.publisher.clean_strays()
        for row in self.catalog.list():
            self.publisher.clean(row.id)
            try:
                self.live(row.name)
            except PrecedentError as error:
                failures.append(error)
        if failures:
            raise failures[0]
