"""The trajectories that benchmarks work on: the public data where it is, else made-up ones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np

from benchmarks import synthetic
from benchmarks.comparison import Round
from indexing.embedder import HashingEmbedder, Vectors
from indexing.formats import read
from indexing.library import Library
from indexing.records import Step, Trajectory

DATA = "PRECEDENT_DATA"
COLLECTION = "measured"
DIMENSION = 384
BATCH = 1_000


def data_folder() -> Path | None:
    """The folder of public data sets, where there is one."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get(DATA) or beside)
    return folder if folder.is_dir() else None


@dataclass(frozen=True, slots=True)
class Corpus:
    """Trajectories to store and others to ask with, and where they are from."""

    name: str
    stored: Sequence[Trajectory]
    held_out: Sequence[Trajectory]


@cache
def _dialogues(data: Path) -> list[Trajectory]:
    found = [record for record in read("sgd", data / "sgd") if isinstance(record, Trajectory)]
    return sorted(found, key=lambda record: blake2b(record.id.encode(), digest_size=8).digest())


def corpus(round_: Round, stored: int, held_out: int = 0) -> Corpus:
    """Schema-Guided Dialogues in an order without order, or synthetic trajectories."""
    wanted = stored + held_out
    if round_.data is not None and (round_.data / "sgd").is_dir():
        found, name = _dialogues(round_.data), "Schema-Guided Dialogue"
    else:
        found, name = synthetic.some(1, wanted), "synthetic trajectories (seed 1)"
    return Corpus(name, found[:stored], found[stored:wanted])


@dataclass(frozen=True, slots=True)
class Situated:
    """A situation in the middle of a trajectory: what an agent would send there."""

    instruction: str
    history: tuple[Step, ...]
    observation: str


def situations(records: Sequence[Trajectory]) -> Iterator[Situated]:
    """A situation from the middle of each trajectory; no two share an observation or an instruction."""
    seen: set[str] = set()
    for record in records:
        place = 1 + (len(record.instruction) + len(record.steps) * 7) % max(len(record.steps) - 1, 1)
        if place < len(record.steps):
            observation = record.steps[place].observation
            if not {observation, record.instruction} & seen:
                seen |= {observation, record.instruction}
                yield Situated(record.instruction, record.steps[:place], observation)


class StandIn(HashingEmbedder):
    """Vectors that cost nothing, of the real model's shape and under its name.

    A library filled with them is searched, by the real model's queries, at the real cost.
    """

    def __init__(self, fingerprint: str) -> None:
        super().__init__(DIMENSION)
        self.fingerprint = fingerprint

    def encode_query(self, text: str) -> Vectors:
        vector = super().encode_query(text)
        return vector if vector.any() else np.full(DIMENSION, DIMENSION**-0.5, np.float32)


def fill(library: Library, records: Sequence[Trajectory], name: str = COLLECTION) -> None:
    """Store records in a new collection; nothing is embedded yet."""
    library.create(name, {})
    for first in range(0, len(records), BATCH):
        library.upsert(name, "trajectory", records[first : first + BATCH])
