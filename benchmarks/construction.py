"""`python -m benchmarks.construction`: what backward construction adds over whole trajectories alone.

Plays BabyAI levels by their expert, constructs pairs as `precedent synthesize --scripted` does, and asks
about held-out seeds with several memories of the same rollouts: whole trajectories, all pairs, pairs of
one length, and fractions of all. What is written by rule proves nothing about a model's instructions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

from rich.console import Console

from environments.base import Task
from evaluation.compare import lanes
from evaluation.memory import MEMORY, remember
from evaluation.replay import Replay
from evaluation.results import Row, RowFile
from evaluation.split import steps_of
from evaluation.summarize import summarize
from evaluation.summary import Summary
from indexing.library import Library
from indexing.lines import Lines
from indexing.records import Trajectory
from retrievers.learning import learn
from synthesis.acting import ExpertPolicy
from synthesis.budget import CallLimits
from synthesis.calls import Calls
from synthesis.construction import original
from synthesis.judges import ReplayJudge
from synthesis.pipeline import Run, Workshop
from synthesis.places import maker
from synthesis.plan import Plan
from synthesis.rollouts import Rollout
from synthesis.scripted import RuleSummariser

LEVELS = (
    "GoToLocal",
    "PickupLoc",
    "PutNextLocal",
    "OpenDoor",
    "GoToSeqS5R2",
    "UnlockLocal",
    "Pickup",
    "PutNextS5N1",
)
VARIANTS = ("instruction", "observation", "model", "paper", "agentic")
FRACTIONS = (16, 4, 2)
HELD_OUT = 10_000
"""Seeds from here on are asked about and never remembered."""

Progress = Callable[[str, int, int], None]


def memories(pairs: Sequence[Trajectory]) -> Mapping[str, list[Trajectory]]:
    """What each memory knows: `whole` has the rollouts that did what they were told."""

    def told(pair: Trajectory, name: str) -> str:
        return str((pair.source if name == "construction" else pair.metadata or {})[name])  # type: ignore[index]

    ordered = sorted(pairs, key=lambda pair: blake2b(pair.id.encode(), digest_size=8).digest())
    found = {
        "whole": [pair for pair in pairs if told(pair, "construction") == "original"],
        "all": list(pairs),
    }
    for length in ("short", "medium", "long"):
        found[length] = [pair for pair in pairs if told(pair, "length") == length]
    for part in FRACTIONS:
        found[f"1/{part}"] = ordered[: len(ordered) // part]
    return {name: known for name, known in found.items() if known}


async def synthesized(
    folder: Path, tasks: Sequence[Task], spans: int, progress: Progress
) -> list[Trajectory]:
    """The pairs of a scripted run; what was played before isn't played again."""
    make = maker("babyai", None, expert=True)
    pairs: dict[str, Trajectory] = {}
    plan = Plan("babyai", "BabyAI", tuple(tasks), step_limit=64, spans=spans)
    async with Calls(folder, {"construct": RuleSummariser()}, CallLimits()) as calls:
        shop = Workshop(make, lambda _: ExpertPolicy(), calls, ReplayJudge(make), width=1)
        summary = await Run(folder, plan, shop, progress).synthesize(
            (), lambda kept: pairs.update((pair.id, pair) for pair in kept)
        )
    sys.stderr.write(f"{json.dumps(summary.to_fields())}\n")
    return list(pairs.values())


def held_out(folder: Path, progress: Progress, each: int) -> list[Trajectory]:
    """Whole episodes of the expert on seeds that no memory knows."""
    tasks = [Task(level, HELD_OUT + number) for level in LEVELS for number in range(each)]
    asyncio.run(synthesized(folder, tasks, 0, progress))
    played = Lines(folder / "rollouts.ndjson", Rollout.of).read()
    return [pair for rollout in played if (pair := original(rollout)) is not None]


def measure(folder: Path, seeds: int, asked: int, spans: int, progress: Progress) -> Summary:
    """Ask about the held-out episodes with each memory, each a collection of the same name."""
    tasks = [Task(level, number) for level in LEVELS for number in range(seeds)]
    pairs = asyncio.run(synthesized(folder / "run", tasks, spans, progress))
    episodes = held_out(folder / "asked", progress, asked)
    file = RowFile(folder / "rows.ndjson")
    done = {row.collection for row in file.read()}
    with Library(folder / MEMORY, learner=learn) as library:
        for name, known in memories(pairs).items():
            collection = name.replace("/", "-of-")
            sys.stderr.write(f"{collection}: {len(known)} trajectories\n")
            if collection in done:
                continue
            remember(library, collection, {}, lambda known=known: (known, ()), progress)  # type: ignore[misc]
            live = library.live(collection)
            with lanes(library, live.builder.lane, VARIANTS) as open_lanes:
                replay = Replay(collection, live.snapshot, open_lanes, 10, (1_000,))
                rows = [row for episode in episodes for row in _asked(replay, episode)]
            file.append(rows)
    return summarize(file.read(), 0)


def _asked(replay: Replay, episode: Trajectory) -> Iterator[Row]:
    for rows in replay.rows(episode, steps_of(episode, 4)):
        yield from rows


def main() -> int:
    """Measure, and print hit@1 and hit@5 of each memory."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.construction", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="run, memories, rows")
    parser.add_argument("--seeds", type=int, default=40, help="rollouts of each level")
    parser.add_argument("--asked", type=int, default=8, help="held-out episodes of each level")
    parser.add_argument("--spans", type=int, default=18, help="most spans of each rollout")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)

    def progress(stage: str, done: int, total: int) -> None:
        if done in (0, total):
            sys.stderr.write(f"{stage}: {done} of {total}\n")

    summary = measure(given.out, given.seeds, given.asked, given.spans, progress)
    console = Console(width=140)
    console.print("memory".ljust(12), "  ".join(name.rjust(16) for name in VARIANTS), "reachable".rjust(10))
    for one in summary.collections:
        found = [cell for name in VARIANTS if (cell := one.result(name))]
        hits = [f"{cell.score('hit@1').value:.3f} / {cell.score('hit@5').value:.3f}" for cell in found]
        cells = [*(text.rjust(16) for text in hits), f"{one.reachable.value:.2f}".rjust(10)]
        console.print(one.name.ljust(12), "  ".join(cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
