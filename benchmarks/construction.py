"""`python -m benchmarks.construction`: what backward construction adds over whole trajectories alone.

BabyAI is played by rule (`benchmarks.construction_studies`), pairs are constructed as `precedent synthesize`
does, and memories of the same rollouts (`benchmarks.construction_memories`) are held against each other on
seeds that none of them knows: in replay, and in a closed loop by the agent without a language model. What
is named by rule proves nothing about a model's instructions.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.comparison import machine
from benchmarks.construction_figures import Figure, figures, keep, tables
from benchmarks.construction_memories import BOTH, KINDS, PAIRS, WHOLE, Memory, memories
from benchmarks.construction_studies import HELD_OUT, LEVELS, STUDIES, Made, Study, expert, make
from environments.base import Task
from evaluation.closed_loop import NONE, EpisodeFile, World, play_all
from evaluation.compare import lanes
from evaluation.memory import MEMORY, Progress, remember
from evaluation.replay import Replay
from evaluation.results import RowFile
from evaluation.split import steps_of
from evaluation.variants import rows_each
from evaluation.worlds import gold_paths
from indexing.lane import EmbeddingLane
from indexing.library import Library
from indexing.records import JSON, Trajectory
from retrievers.learning import learn

VARIANTS = ("instruction", "paper", "agentic")
COSTLY, FULL = "paper", (WHOLE, BOTH, PAIRS)
"""It embeds a query at every step, so it plays on these memories alone."""
K = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """What every memory is asked about: an expert's episodes step by step, and tasks to play."""

    episodes: Sequence[Trajectory]
    tasks: Sequence[Task]
    steps: int = 4
    step_limit: int = 30


def measure(
    folder: Path,
    study: Study,
    asked: Asked,
    progress: Progress,
    settings: Mapping[str, JSON] | None = None,
    variants: Sequence[str] = VARIANTS,
    kinds: Sequence[str] = KINDS,
) -> tuple[Made, list[Figure]]:
    """The memories of a study, measured; what is in the folder already isn't done again."""
    made = make(study, folder / "run", progress)
    held = [memory for memory in memories(made) if memory.kind in kinds]
    rows, played = RowFile(folder / "rows.ndjson"), EpisodeFile(folder / "episodes.ndjson")
    rows.keep_whole(rows_each(variants, 0))
    with ExitStack() as stack:
        library = stack.enter_context(Library(folder / MEMORY, learner=learn))
        open_lanes: dict[str, EmbeddingLane] = {}
        for memory in held:
            known = memory.known
            remember(library, memory.name, settings or {}, lambda known=known: (known, ()), progress)  # type: ignore[misc]
            live = library.live(memory.name)
            # The lanes know the queries of one memory when they are asked about the next: they are the same.
            open_lanes = open_lanes or stack.enter_context(lanes(library, live.builder.lane, variants))
            _replay(Replay(memory.name, live.snapshot, open_lanes, K, ()), asked, rows, progress)
            _play(library, memory, asked, played, variants, progress)
    return made, figures(held, rows.read(), played.read(), (NONE, *variants))


def _replay(replay: Replay, asked: Asked, file: RowFile, progress: Progress) -> None:
    name = replay.collection
    done = {(row.collection, row.episode, row.step) for row in file.read()}
    for count, episode in enumerate(asked.episodes):
        progress(f"asking {name}", count, len(asked.episodes))
        steps = steps_of(episode, asked.steps)
        for found in replay.rows(episode, [step for step in steps if (name, episode.id, step) not in done]):
            file.append(found)


def _play(
    library: Library,
    memory: Memory,
    asked: Asked,
    file: EpisodeFile,
    variants: Sequence[str],
    progress: Progress,
) -> None:
    """All variants play on what is known of all rollouts; those that embed no query also on what is left."""
    if memory.part > 1 or memory.kind not in FULL:
        variants = [name for name in variants if name != COSTLY]
    elif memory.kind == WHOLE:
        variants = [NONE, *variants]
    with closing(expert()) as environment:
        world = World(memory.name, environment, lambda: memory.known, asked.tasks, asked.step_limit)
        play_all(world, library, file, progress, variants, K)


def main() -> int:
    """Measure a study, print the figures, keep them as JSON and CSV."""
    from rich.console import Console

    from service.commands.progress import display

    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    told = "; ".join(f"{name}: {study.about}" for name, study in STUDIES.items())
    parser = argparse.ArgumentParser(prog="python -m benchmarks.construction", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="run, memories, figures")
    parser.add_argument("--study", choices=STUDIES, default="several", help=told)
    parser.add_argument("--asked", type=int, default=5, metavar="N", help="held-out seeds of each level")
    parser.add_argument("--seeds", type=int, metavar="N", help="rollouts of each level; default: the study's")
    parser.add_argument("--memories", default=",".join(KINDS), help="which, comma-separated; default: all")
    parser.add_argument("--resume", action="store_true", help="go on with what is in the folder")
    given = parser.parse_args()
    folder, study, kinds = given.out / given.study, STUDIES[given.study], given.memories.split(",")
    study = replace(study, seeds=given.seeds or study.seeds)
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"no such memory: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    if folder.exists() and not given.resume:
        sys.stderr.write(f"{folder} is there already: --resume to go on, or another --out\n")
        return 2
    tasks = [Task(level, HELD_OUT + number) for level in LEVELS for number in range(given.asked)]
    with display() as progress:
        episodes = gold_paths(expert, tasks, given.out / "asked.ndjson")
        made, found = measure(folder, study, Asked(episodes, tasks), progress, kinds=kinds)
    facts = {"study": given.study, "about": study.about, "asked": given.asked, **made.to_fields()}
    keep(folder, found, {"options": facts, "machine": machine()})
    console = Console(width=160)
    console.print(facts)
    for table in tables(found):
        console.print(table, "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
