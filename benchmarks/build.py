"""Building a generation against embedding its texts alone: one lane, the same texts, none known before."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.comparison import Bar, Comparison, Round
from benchmarks.corpora import COLLECTION, corpus, fill
from benchmarks.timing import seconds, spread
from indexing.analysis import outline
from indexing.embedder import Embedder, load_embedder
from indexing.learned import Learner, nothing
from indexing.library import Library
from indexing.records import Trajectory
from retrievers.learning import learn

PARTS = 3


def texts_of(records: Sequence[Trajectory]) -> list[str]:
    """What a generation of these records embeds: distinct instructions, and an outline each."""
    return [*dict.fromkeys(record.instruction for record in records), *map(outline, records)]


def _embedding(folder: Path, embedder: Embedder, records: Sequence[Trajectory]) -> float:
    with Library(folder, lambda _: embedder) as library:
        texts = texts_of(records)
        lane = library.lane(embedder.name)
        return seconds(lambda: lane.index(texts))


def _building(
    folder: Path, embedder: Embedder, records: Sequence[Trajectory], learner: Learner = nothing
) -> float:
    with Library(folder, lambda _: embedder, learner=learner) as library:
        fill(library, records)
        return seconds(lambda: library.reindex(COLLECTION))


def _learning(work: Path, embedder: Embedder, records: Sequence[Trajectory]) -> Comparison:
    times = []
    for learner in (nothing, learn):
        folder = work / "build-learning"
        times.append(_building(folder, embedder, records, learner))
        shutil.rmtree(folder, ignore_errors=True)
    return Comparison(
        f"build of {len(records):,} trajectories, the ranker fitted", "s", times[1], times[0],
        "building what the paper's rule needs", Bar(3.0), {"trajectories": len(records)},
    )  # fmt: skip


def run(round_: Round) -> Iterator[Comparison]:
    """Parts of a corpus, each embedded alone and built, by turns."""
    each = round_.count(500, 1_700)
    found = corpus(round_, PARTS * each)
    embedder = load_embedder()
    embedder.encode(["the first text makes the model ready"] * 4)
    alone, built, sizes = [], [], []
    for part in range(PARTS):
        records = found.stored[part * each : (part + 1) * each]
        sizes.append(len(set(texts_of(records))))
        for turn in (part, part + 1):
            folder = round_.work / f"build-{part}-{turn % 2}"
            shutil.rmtree(folder, ignore_errors=True)
            if turn % 2:
                built.append(_building(folder, embedder, records))
            else:
                alone.append(_embedding(folder, embedder, records))
            shutil.rmtree(folder, ignore_errors=True)
        round_.say(f"build, part {part + 1} of {PARTS}: {built[-1]:.1f} s, embedding {alone[-1]:.1f} s")
    speeds = [[size / taken for size, taken in zip(sizes, times, strict=True)] for times in (built, alone)]
    yield Comparison(
        f"build of {each:,} trajectories", "texts/s", median(speeds[0]), median(speeds[1]),
        "embedding the same texts alone", Bar(0.85, at_least=True),
        {"data": found.name, "texts": sum(sizes), "build, s": spread(built, 1), "alone, s": spread(alone, 1)},
    )  # fmt: skip
    yield _learning(round_.work, embedder, found.stored)
