"""A collection being served: one generation, the changes since, and the snapshot of both.

Changes come in the order of their sequence numbers. A deletion hides its record at once; an upsert
shows when it is embedded. The delta is a few segments in memory, merged as they grow.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from indexing.analysis import AnalyzedDocument, AnalyzedTrajectory
from indexing.building import Builder
from indexing.generations import Generation
from indexing.pool import Pool
from indexing.segment import DocumentSegment, Segment, TrajectorySegment
from indexing.snapshot import Snapshot
from indexing.store.records import Changes, Kind, RecordStore

A = TypeVar("A", AnalyzedTrajectory, AnalyzedDocument)
S = TypeVar("S", bound=Segment)

CHANGES_AT_ONCE = 512

SMALL_DELTA = 2_000
"""Records that a delta may hold whatever the size of its generation."""

NO_GENERATION = "none"
"""What an answer calls its generation before the first one."""


class _Stopped(Exception):
    """It was told to stop amid embedding; what was embedded is kept."""


@dataclass(slots=True)
class _Part(Generic[A, S]):
    """A segment of the delta and the analysed records that it was built from."""

    records: list[A]
    segment: S


class _Layers(Generic[A, S]):
    """The segments of one kind of record: the generation's, then the delta's, newest last."""

    def __init__(self, base: S | None, build: Callable[[Sequence[A]], S]) -> None:
        self._base = [base] if base is not None else []
        self._build: Callable[[Sequence[A]], S] = build
        self._parts: list[_Part[A, S]] = []
        self._pool: Pool[S] | None = None
        self._shadows: dict[str, int] = {}

    @property
    def delta(self) -> int:
        """Records in the delta."""
        return sum(len(part.records) for part in self._parts)

    def add(self, records: list[A]) -> None:
        """Add records instead of those of the same ids; merges equals, as a log-structured tree does."""
        if not records:
            return
        self.drop({record.id: record.revision for record in records})
        while self._parts and len(self._parts[-1].records) <= 2 * len(records):
            records = self._parts.pop().records + records
        self._parts.append(_Part(records, self._build(records)))

    def drop(self, gone: Mapping[str, int]) -> None:
        """Take out of the delta what is older than `gone` says (id to sequence).

        Taken out, not marked: the corpus statistics are those of the records that stand, so that
        the same writes give the same scores after a restart.
        """
        for part in list(self._parts):
            kept = [record for record in part.records if record.revision >= gone.get(record.id, 0)]
            if not kept:
                self._parts.remove(part)
            elif len(kept) < len(part.records):
                part.records, part.segment = kept, self._build(kept)

    def pool(self, hidden: Mapping[str, int]) -> Pool[S]:
        """All segments; what of the generation is hidden, or newer in the delta, is marked dead."""
        segments = [*self._base, *(part.segment for part in self._parts)]
        shadows = dict(hidden)
        for part in self._parts:
            for record in part.records:
                shadows[record.id] = max(record.revision, shadows.get(record.id, 0))
        if self._pool is None or self._pool.segments != tuple(segments) or shadows != self._shadows:
            dead = {
                ordinal
                for base in self._base
                for id, sequence in shadows.items()
                if (ordinal := base.ordinal(id)) is not None and base.revision[ordinal] < sequence
            }
            self._pool, self._shadows = Pool(segments, [frozenset(dead)] if self._base else []), shadows
        return self._pool


class LiveCollection:
    """What is searchable of a collection, and up to which change; safe to use from many threads."""

    def __init__(self, id: int, builder: Builder, generation: Generation | None) -> None:
        self.id = id
        self.builder = builder
        self.generation = generation
        self.applied = generation.manifest.sequence if generation else 0
        self.hidden_up_to = self.applied
        self.lock = threading.RLock()
        self.retired = False
        """Another is served in its place: no change shows here any more."""
        self.successor: LiveCollection | None = None
        """The same by other settings, to be served in its place once it has everything that this has."""
        base = (generation.trajectories, generation.documents) if generation else (None, None)
        self._trajectories: _Layers[AnalyzedTrajectory, TrajectorySegment] = _Layers(
            base[0], builder.trajectories
        )
        self._documents: _Layers[AnalyzedDocument, DocumentSegment] = _Layers(base[1], builder.documents)
        self._hidden: dict[Kind, dict[str, int]] = {"trajectory": {}, "document": {}}
        self._snapshot: Snapshot | None = None

    @property
    def generation_id(self) -> str | None:
        """The id of the served generation, None before the first one."""
        return self.generation.manifest.id if self.generation else None

    @property
    def delta(self) -> int:
        """Records that are served from memory, not from the generation."""
        return self._trajectories.delta + self._documents.delta

    @property
    def overgrown(self) -> bool:
        """Whether the delta is large enough that a new generation is worth its build."""
        counts = self.generation.manifest.counts if self.generation else {}
        built = counts.get("trajectories", 0) + counts.get("documents", 0)
        return self.delta >= max(SMALL_DELTA, built // 2)

    @property
    def snapshot(self) -> Snapshot:
        """The collection as it stands now; stays as it is, whatever comes after."""
        snapshot = self._snapshot
        if snapshot is None:
            with self.lock:
                snapshot = self._snapshot = Snapshot(
                    self.generation_id or NO_GENERATION,
                    self.builder.settings,
                    self.builder.analyzer,
                    self._trajectories.pool(self._hidden["trajectory"]),
                    self._documents.pool(self._hidden["document"]),
                    self.generation.learned if self.generation else {},
                )
        return snapshot

    def hide(self, deletions: Sequence[tuple[Kind, str, int]], up_to: int) -> None:
        """Make deletions count at once, ahead of the changes still waiting before them."""
        with self.lock:
            for kind, id, sequence in deletions:
                self._hidden[kind][id] = max(sequence, self._hidden[kind].get(id, 0))
            self._trajectories.drop(self._hidden["trajectory"])
            self._documents.drop(self._hidden["document"])
            self.hidden_up_to = max(self.hidden_up_to, up_to)
            self._snapshot = None if deletions else self._snapshot

    def catch_deletions(self, store: RecordStore) -> None:
        """Hide what was deleted, by whichever process."""
        changes = store.deletions(self.id, self.hidden_up_to)
        self.hide(changes.deletions, changes.sequence)

    def catch_up(self, store: RecordStore, stop: Callable[[], bool], embed: bool = True) -> None:
        """Apply what has changed until there is nothing more, `stop` says so, or this is retired.

        Without `embed` only up to the first record that was never embedded: quick, whatever waits.
        """
        while not (stop() or self.retired):
            changes = store.changes(self.id, self.applied, CHANGES_AT_ONCE)
            if not changes.upserts and not changes.deletions:
                self.applied = max(self.applied, changes.sequence)
                return
            read = self._read(changes)
            known = changes if embed else self._known(changes, read)
            try:
                self._add(known, read[: len(known.upserts)], stop)
            except _Stopped:
                return
            if known is not changes:
                return

    def apply(self, changes: Changes) -> None:
        """Make changes searchable; embeds what was never embedded, so it may take a while.

        Called by one thread at a time.
        """
        self._add(changes, self._read(changes))

    def _read(self, changes: Changes) -> list[AnalyzedTrajectory | AnalyzedDocument]:
        return [self.builder.read(kind, stored) for kind, stored in changes.upserts]

    def _known(self, changes: Changes, read: Sequence[AnalyzedTrajectory | AnalyzedDocument]) -> Changes:
        """Those changes that come before the first record whose texts were never embedded."""
        first = self.builder.first_unknown(read)
        if first is None:
            return changes
        end = changes.upserts[first][1].sequence
        gone = [deletion for deletion in changes.deletions if deletion[2] < end]
        return Changes(changes.upserts[:first], gone, end - 1)

    def _add(
        self,
        changes: Changes,
        read: Sequence[AnalyzedTrajectory | AnalyzedDocument],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        def go_on(_: int) -> None:
            if stop():
                raise _Stopped

        trajectories = [record for record in read if isinstance(record, AnalyzedTrajectory)]
        documents = [record for record in read if isinstance(record, AnalyzedDocument)]
        self.builder.warm(read, go_on)
        with self.lock:
            if self.retired:
                return
            self.hide(changes.deletions, changes.sequence)
            self._trajectories.add(self._standing("trajectory", trajectories))
            self._documents.add(self._standing("document", documents))
            self.applied = max(self.applied, changes.sequence)
            self._snapshot = None

    def _standing(self, kind: Kind, records: list[A]) -> list[A]:
        """Those that weren't deleted while they were being read."""
        hidden = self._hidden[kind]
        return [record for record in records if record.revision > hidden.get(record.id, 0)]
