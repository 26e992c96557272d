"""`python -m benchmarks.replay`: every strategy replayed on eight public corpora, and on held-out scenes.

Loads what is in the folder of public data (PRECEDENT_DATA) and the shipped samples into a library of its
own, then does what `precedent compare` does. docs/results.md tells what came of it.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from rich.console import Console

from benchmarks.corpora import data_folder
from evaluation.compare import Options, compare
from evaluation.report import About, write
from evaluation.results import RowFile
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
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> int:
    """Measure, print the tables, write the report; goes on where it was stopped."""
    asked, data = _arguments(), data_folder()
    if data is None:
        print("no public data: set PRECEDENT_DATA to its folder", file=sys.stderr)
        return 2
    names = [name for name in asked.corpora.split(",") if not asked.scenes or name in SCENES]
    strategies = tuple(asked.strategies.split(",")) if asked.strategies else FEWER if asked.scenes else None
    options = Options(strategies, episodes=asked.episodes, steps=asked.steps, budgets=(500, 1000, 2000, 4000))
    options = replace(options, seed=asked.seed)
    folder = asked.out / ("scenes" if asked.scenes else "tasks")
    folder.mkdir(parents=True, exist_ok=True)
    file = RowFile(folder / "rows.ndjson")
    stage = ""

    def progress(now: str, done: int, total: int) -> None:
        nonlocal stage
        if now != stage:
            print(f"{now}: {done} of {total}", file=sys.stderr, flush=True)
            stage = now

    with Library(asked.out / "library", learner=learn) as library:
        for name in names:
            load(library, name, data)
            by = SCENES[name] if asked.scenes else INSTRUCTION
            compare(library, [name], replace(options, by=by), file, progress)
    summary = summarize(file.read(), asked.seed)
    command = " ".join(["python -m benchmarks.replay", *sys.argv[1:]])
    write(folder, file.read(), summary, About(command, options.to_fields()))
    console = Console(width=120)
    for table in tables(summary, "agentic"):
        console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
