"""From stored records to segments: in memory for the delta, on disk for a generation."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from indexing.analysis import AnalyzedDocument, AnalyzedTrajectory, Analyzer
from indexing.dense import DenseIndex
from indexing.generations import Manifest, write_generation
from indexing.lane import EmbeddingLane
from indexing.learned import Learner, nothing
from indexing.pool import Pool
from indexing.records import document_from_bytes, trajectory_from_bytes
from indexing.segment import Arrays, DocumentSegment, TrajectorySegment
from indexing.settings import CollectionSettings
from indexing.snapshot import Snapshot
from indexing.store.records import Kind, RecordStore, Stored


class Progress(Protocol):
    """Told how far a build is; may raise to cancel it."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


class Builder:
    """Builds segments for one collection's settings with one embedder."""

    def __init__(
        self,
        settings: CollectionSettings,
        analyzer: Analyzer,
        lane: EmbeddingLane,
        learner: Learner = nothing,
    ) -> None:
        self.settings = settings
        self.analyzer = analyzer
        self.lane = lane
        self.learner = learner

    def read_trajectory(self, stored: Stored) -> AnalyzedTrajectory:
        """Analyse a stored trajectory."""
        return self.analyzer.trajectory(trajectory_from_bytes(stored.body), stored.sequence, stored.body)

    def read_document(self, stored: Stored) -> AnalyzedDocument:
        """Analyse a stored document."""
        return self.analyzer.document(document_from_bytes(stored.body), stored.sequence, stored.body)

    def _embed(
        self, texts: dict[str, list[str]], progress: Callable[[int], None] | None = None
    ) -> dict[str, DenseIndex]:
        flat = [text for field in texts.values() for text in field]
        vectors = self.lane.index(flat, progress)
        dense, first = {}, 0
        for name, field in texts.items():
            dense[name] = DenseIndex.build(vectors[first : first + len(field)], self.lane.embedder.dimension)
            first += len(field)
        return dense

    def trajectories(self, records: Sequence[AnalyzedTrajectory]) -> TrajectorySegment:
        """A segment in memory; any order of records."""
        ordered = sorted(records, key=lambda record: record.id.encode())
        arrays = TrajectorySegment.pack(ordered)
        return TrajectorySegment(arrays, self._embed(TrajectorySegment.texts(ordered, arrays)))

    def documents(self, records: Sequence[AnalyzedDocument]) -> DocumentSegment:
        """A segment in memory; any order of records."""
        ordered = sorted(records, key=lambda record: record.id.encode())
        arrays = DocumentSegment.pack(ordered)
        return DocumentSegment(arrays, self._embed(self._document_texts(ordered, arrays)))

    def read(self, kind: Kind, stored: Stored) -> AnalyzedTrajectory | AnalyzedDocument:
        """Analyse a stored record."""
        return self.read_trajectory(stored) if kind == "trajectory" else self.read_document(stored)

    def _texts(self, record: AnalyzedTrajectory | AnalyzedDocument) -> list[str]:
        """What of a record is embedded."""
        if isinstance(record, AnalyzedTrajectory):
            return [record.instruction, record.outline]
        return [record.text] if self.settings.documents_engine == "dense" else []

    def warm(
        self,
        records: Sequence[AnalyzedTrajectory | AnalyzedDocument],
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Embed what these records need, so that building their segments finds it done."""
        self.lane.index([text for record in records for text in self._texts(record)], progress)

    def first_unknown(self, records: Sequence[AnalyzedTrajectory | AnalyzedDocument]) -> int | None:
        """The place of the first record of which a text was never embedded, None where all were."""
        unknown = self.lane.unknown([text for record in records for text in self._texts(record)])
        places = (place for place, record in enumerate(records) if unknown.intersection(self._texts(record)))
        return next(places, None)

    def _document_texts(self, records: Sequence[AnalyzedDocument], arrays: Arrays) -> dict[str, list[str]]:
        return DocumentSegment.texts(records, arrays) if self.settings.documents_engine == "dense" else {}

    def generation(
        self, store: RecordStore, collection: int, sequence: int, root: Path, progress: Progress = silent
    ) -> Manifest:
        """Build the generation of all records as they stood at `sequence`, in a folder below `root`."""
        total = store.count(collection, "trajectory") + store.count(collection, "document")
        trajectories, documents = [], []
        for stored in store.scan(collection, "trajectory", sequence):
            trajectories.append(self.read_trajectory(stored))
            progress("reading", len(trajectories), total)
        for stored in store.scan(collection, "document", sequence):
            documents.append(self.read_document(stored))
            progress("reading", len(trajectories) + len(documents), total)
        arrays = TrajectorySegment.pack(trajectories)
        texts = TrajectorySegment.texts(trajectories, arrays)
        document_arrays = DocumentSegment.pack(documents)
        document_texts = self._document_texts(documents, document_arrays)
        wanted = sum(len(field) for field in (*texts.values(), *document_texts.values()))
        counts = {
            "trajectories": len(trajectories),
            "positions": len(arrays["owner"]),
            "documents": len(documents),
        }
        del trajectories, documents
        dense = self._embed(texts, lambda done: progress("embedding", done, wanted))
        document_dense = self._embed(document_texts)
        learned = self.learner(
            Snapshot(
                "",
                self.settings,
                self.analyzer,
                Pool([TrajectorySegment(arrays, dense)], []),
                Pool([DocumentSegment(document_arrays, document_dense)], []),
            ),
            lambda done, total: progress("learning", done, total),
        )
        progress("writing", 0, 1)
        manifest = Manifest(
            id=f"{int(time.time() * 1000):x}-{secrets.token_hex(3)}",
            sequence=sequence,
            settings=self.settings,
            embedder=self.lane.embedder.fingerprint,
            counts=counts,
            files={},
        )
        written = write_generation(
            root, manifest, (arrays, dense), (document_arrays, document_dense), learned
        )
        progress("writing", 1, 1)
        return written
