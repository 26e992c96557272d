"""`python -m benchmarks.closed_loop`: what an agent achieves in real environments on what it is shown.

The agent has no language model: it does what the demonstrations did next (`evaluation.agents`). It can
show that advice fits and is followed to success; it cannot show what a model would make of a prompt.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from benchmarks.comparison import machine
from benchmarks.corpora import data_folder
from evaluation.agents import choose
from evaluation.closed_loop import PLAYED, EpisodeFile, play_all, remembering
from evaluation.likelihood import LikelihoodAgent
from evaluation.memory import Progress
from evaluation.standings import standings, tables
from evaluation.worlds import SCORES, worlds


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.closed_loop", description=__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="episodes, memories, results"
    )
    parser.add_argument("--world", default=",".join(SCORES), help="which, comma-separated; default: all")
    parser.add_argument("--variants", default=",".join(PLAYED), help="which, comma-separated; default: all")
    parser.add_argument("--episodes", type=int, default=60, metavar="N", help="tasks of each world")
    parser.add_argument("--k", type=int, default=10, help="demonstrations at each step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--model",
        type=Path,
        metavar="GGUF",
        help="act by this model's likelihood instead",
    )
    parser.add_argument("--resume", action="store_true", help="go on with the episodes that are there")
    return parser.parse_args()


def _progress() -> Progress:
    told, at = "", 0.0

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal told, at
        now = time.monotonic()
        if stage != told or now - at >= 10 or done == total:
            told, at = stage, now
            sys.stderr.write(f"{stage}: {done}/{total}\n")
            sys.stderr.flush()

    return progress


def main() -> int:
    """Play what was asked for, print the standings, keep them as JSON."""
    from rich.console import Console

    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    asked, data = _arguments(), data_folder()
    if data is None:
        sys.stderr.write("no public data: name its folder in PRECEDENT_DATA\n")
        return 2
    names, variants = asked.world.split(","), asked.variants.split(",")
    if unknown := (set(names) - set(SCORES)) | (set(variants) - set(PLAYED)):
        sys.stderr.write(
            f"unknown: {', '.join(sorted(unknown))}; there are {', '.join([*SCORES, *PLAYED])}\n"
        )
        return 2
    file = EpisodeFile(asked.out / "episodes.jsonl")
    if file.read() and not asked.resume:
        sys.stderr.write(f"{file.path} has episodes already: --resume to go on, or another --out\n")
        return 2
    agent = LikelihoodAgent(asked.model) if asked.model else choose
    made = worlds(data, asked.out, asked.episodes, asked.seed)
    played = set()
    for name in names:
        world = made[name]()
        played |= {(name, task.name, task.variation) for task in world.tasks}
        try:
            with remembering(world, asked.out, _progress()) as memory:
                play_all(world, memory, file, _progress(), variants, asked.k, asked.seed, agent)
        finally:
            world.environment.close()
    episodes = [one for one in file.read() if (one.world, one.task, one.variation) in played]
    found = standings(episodes, {name: SCORES[name] for name in names}, asked.seed, variants)
    console = Console(width=200)
    for table in tables(found):
        console.print(table, "")
    options = {name: value for name, value in vars(asked).items() if name not in {"out", "resume", "model"}}
    options["model"] = asked.model and asked.model.name
    fields = {"options": options, "machine": machine(), "standings": [one.to_fields() for one in found]}
    (asked.out / "closed_loop.json").write_text(json.dumps(fields, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
