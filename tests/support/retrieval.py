"""Snapshots of a few records, without a library, to retrieve from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from indexing.analysis import Analyzer
from indexing.building import Builder
from indexing.embedder import HashingEmbedder
from indexing.lane import EmbeddingLane
from indexing.normalizers import normalizer
from indexing.pool import Pool
from indexing.records import Document, Trajectory
from indexing.segment import DocumentSegment, TrajectorySegment
from indexing.settings import CollectionSettings
from indexing.snapshot import Snapshot
from indexing.store.database import open_database
from indexing.store.vectors import VectorCache
from indexing.tokens import tokenizer
from retrievers.requests import Answer, Limits, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation

T = TypeVar("T")


def make_lane(folder: Path) -> EmbeddingLane:
    """A lane with the hashing embedder and a cache in `folder`."""
    return EmbeddingLane(HashingEmbedder(64), VectorCache(open_database(f"sqlite:///{folder}/vectors.db")))


def take(
    lane: EmbeddingLane,
    records: Sequence[Trajectory] = (),
    documents: Sequence[Document] = (),
    counts: str = "words",
    engine: str = "rank-bm25",
) -> Snapshot:
    """A snapshot of these records, in two segments where there is more than one."""
    settings = CollectionSettings(tokenizer=counts, documents_engine=engine)
    builder = Builder(settings, Analyzer(normalizer("text"), tokenizer(counts)), lane)
    read = builder.analyzer
    seen: Pool[TrajectorySegment] = Pool(
        [builder.trajectories([read.trajectory(one, 1) for one in run]) for run in _halves(records)], []
    )
    told: Pool[DocumentSegment] = Pool(
        [builder.documents([read.document(one, 1) for one in run]) for run in _halves(documents)], []
    )
    return Snapshot("g", settings, read, seen, told)


def _halves(records: Sequence[T]) -> list[Sequence[T]]:
    half = len(records) // 2
    return [run for run in (records[:half], records[half:]) if run]


def ask(
    lane: EmbeddingLane,
    records: Sequence[Trajectory],
    situation: Situation,
    strategy: str = "agentic",
    limits: Limits | None = None,
    queries: Sequence[str] = (),
    **more: object,
) -> Answer:
    asked = tuple(Query(text, "agent") for text in queries)
    request = Request(situation, strategy, asked, limits or Limits(), **more)  # type: ignore[arg-type]
    return retrieve(take(lane, records), lane, request)


def ids(answer: Answer) -> list[str]:
    return [one.id for one in answer.demonstrations]
