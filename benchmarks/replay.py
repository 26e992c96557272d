"""`python -m benchmarks.replay`: every strategy replayed on eight public corpora, and on held-out scenes.

Loads what is in the folder of public data (PRECEDENT_DATA) and the shipped samples into a library of its
own, then does what `precedent compare` does. docs/results.md tells what came of it.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

from rich.console import Console

from benchmarks.corpora import data_folder
from evaluation.compare import Options, compare
from evaluation.report import About, write
from evaluation.results import Row, RowFile
from evaluation.split import INSTRUCTION
from evaluation.summarize import summarize
from evaluation.tables import tables
from indexing.formats import read
from indexing.library import Library
from indexing.records import Trajectory
from retrievers.learning import learn

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Source:
    """A corpus: where it is, how it is read and thinned, and what its collection is set to."""

    format: str
    path: str
    normalizer: str
    metadata: tuple[str, str] | None = None
    most: int | None = None
    runs: int | None = None


SOURCES = {
    "miniwob": Source("miniwob", "miniwob_demos/demos.tar.gz", "html"),
    "sql": Source("intercode", "intercode", "shell", ("environment", "sql"), runs=2),
    "bash": Source("intercode", "intercode", "shell", ("environment", "bash")),
    "alfworld": Source("alfworld", "alfworld_trad", "text"),
    "tau-bench": Source("openai-chat", "tau_bench", "text"),
    "sgd": Source("sgd", "sgd/sgd_available.tar.gz", "text", most=1_500),
    "scienceworld": Source("ndjson", "scienceworld/trajectories.ndjson", "text"),
    "babyai": Source("ndjson", "babyai/trajectories.ndjson", "text"),
}
"""`most`: trajectories taken; `runs`: runs taken of one instruction; both in an order without order."""

SCENES = {"alfworld": "observation", "sql": "metadata.db", "miniwob": "metadata.task"}
"""What may not recur where whole scenes are held out: rooms, databases, sites."""

SPLIT = 100_000
"""How far the numbers of steps of two splits are apart."""

ROWS = "rows.ndjson"
Folders: TypeAlias = Mapping[int, Path]
"""Where each split is measured, by its seed."""

FEWER = ("prior", "random", "instruction", "observation", "model", "paper", "agentic", "agentic-rule")


def records(name: str, data: Path) -> Iterator[Trajectory]:
    """The trajectories of a corpus."""
    source = SOURCES[name]
    root = SAMPLES if source.format == "ndjson" else data
    found = [one for one in read(source.format, root / source.path) if isinstance(one, Trajectory)]
    if source.metadata is not None:
        key, value = source.metadata
        found = [one for one in found if (one.metadata or {}).get(key) == value]
    found.sort(key=lambda one: blake2b(one.id.encode(), digest_size=8).digest())
    runs: defaultdict[str, int] = defaultdict(int)
    for record in found[: source.most]:
        runs[record.instruction] += 1
        if source.runs is None or runs[record.instruction] <= source.runs:
            yield record


def load(library: Library, name: str, data: Path) -> None:
    """Store a corpus, unless it is there."""
    if any(row.name == name for row in library.catalog.list()):
        return
    library.create(name, {"observation_normalizer": SOURCES[name].normalizer})
    everything = list(records(name, data))
    for first in range(0, len(everything), BATCH):
        library.upsert(name, "trajectory", everything[first : first + BATCH])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="rows, memories, reports")
    parser.add_argument("--corpora", default=",".join(SOURCES), help="which, comma-separated; default: all")
    parser.add_argument("--episodes", type=int, default=80, metavar="N", help="held-out episodes of each")
    parser.add_argument("--steps", type=int, default=6, metavar="N", help="steps asked about of each episode")
    parser.add_argument("--strategies", default=None, help="which, comma-separated; default: all")
    parser.add_argument("--scenes", action="store_true", help="hold out whole scenes, not instructions")
    parser.add_argument("--seed", type=int, default=0, help="what is held out; default: 0")
    parser.add_argument(
        "--splits", type=int, default=1, metavar="N", help="part so often, by this seed and those after it"
    )
    asked = parser.parse_args()
    if asked.splits < 1:
        parser.error("--splits: at least 1")
    return asked


def _options(asked: argparse.Namespace, seed: int, by: str = INSTRUCTION) -> Options:
    strategies = tuple(asked.strategies.split(",")) if asked.strategies else FEWER if asked.scenes else None
    return Options(strategies, by, episodes=asked.episodes, steps=asked.steps, seed=seed)


def _measure(library: Library, asked: argparse.Namespace, names: Sequence[str], folders: Folders) -> None:
    stage = ""

    def progress(now: str, done: int, total: int) -> None:
        nonlocal stage
        if now != stage:
            print(f"{now}: {done} of {total}", file=sys.stderr, flush=True)
            stage = now

    for seed, folder in folders.items():
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            options = _options(asked, seed, SCENES[name] if asked.scenes else INSTRUCTION)
            compare(library, [name], options, RowFile(folder / ROWS), progress)


def _pooled(folders: Folders) -> Iterator[Row]:
    """The rows of all splits. What an episode was asked in two of them are different steps of it."""
    for place, folder in enumerate(folders.values()):
        for row in RowFile(folder / ROWS).read():
            yield replace(row, step=row.step + place * SPLIT)


def main() -> int:
    """Measure, print the tables, write the report; goes on where it was stopped."""
    asked, data = _arguments(), data_folder()
    if data is None:
        print("no public data: set PRECEDENT_DATA to its folder", file=sys.stderr)
        return 2
    names = [name for name in asked.corpora.split(",") if not asked.scenes or name in SCENES]
    kind, last = "scenes" if asked.scenes else "tasks", asked.seed + asked.splits - 1
    # A seed's own folder: what one split remembers, another asks about.
    folders = {seed: asked.out / f"{kind}-{seed}" for seed in range(asked.seed, last + 1)}
    with Library(asked.out / "library", learner=learn) as library:
        for name in names:
            load(library, name, data)
        _measure(library, asked, names, folders)
    rows = list(_pooled(folders))
    summary = summarize(rows, asked.seed)
    command = " ".join(["python -m benchmarks.replay", *sys.argv[1:]])
    report = folders[last] if asked.splits == 1 else asked.out / f"{kind}-{asked.seed}-to-{last}"
    report.mkdir(exist_ok=True)
    write(report, rows, summary, About(command, _options(asked, asked.seed).to_fields()))
    console = Console(width=120)
    for table in tables(summary, "agentic"):
        console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
