"""`python -m benchmarks.closed_loop`: what an agent achieves in four real environments on what it is shown.

What is remembered and what is played is `evaluation.worlds`' choice; playing, numbers and page are those
of `precedent compare --environment`. The agent has no language model: it does what the demonstrations did
next (`evaluation.agents`). It can show that advice fits and is followed to success; it cannot show what a
model would make of a prompt.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from pathlib import Path

from benchmarks.comparison import machine
from benchmarks.corpora import data_folder
from evaluation.actors import CHOOSER, likely
from evaluation.closed_loop import PLAYED, EpisodeFile, play_all, remembering
from evaluation.memory import Progress
from evaluation.report import About, write
from evaluation.tables import loop_tables
from evaluation.tally import tally
from evaluation.worlds import WORLDS, worlds
from indexing.errors import PrecedentError


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.closed_loop", description=__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="episodes, memories, results"
    )
    parser.add_argument("--world", default=",".join(WORLDS), help="which, comma-separated; default: all")
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
    """Play what was asked for, print how the variants stand, write the page and its numbers."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    asked, data = _arguments(), data_folder()
    if data is None:
        sys.stderr.write("no public data: name its folder in PRECEDENT_DATA\n")
        return 2
    names, variants = asked.world.split(","), asked.variants.split(",")
    if unknown := (set(names) - set(WORLDS)) | (set(variants) - set(PLAYED)):
        sys.stderr.write(
            f"unknown: {', '.join(sorted(unknown))}; there are {', '.join([*WORLDS, *PLAYED])}\n"
        )
        return 2
    file = EpisodeFile(asked.out / "episodes.jsonl")
    if file.read() and not asked.resume:
        sys.stderr.write(f"{file.path} has episodes already: --resume to go on, or another --out\n")
        return 2
    try:
        _measure(asked, data, names, variants, file)
    except PrecedentError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _measure(
    asked: argparse.Namespace, data: Path, names: list[str], variants: list[str], file: EpisodeFile
) -> None:
    from rich.console import Console

    actor = likely(asked.model) if asked.model else CHOOSER
    made = worlds(data, asked.out, asked.episodes, asked.seed)
    played = []
    for name in names:
        world = made[name]()
        played.append(world)
        try:
            with remembering(world, asked.out, _progress()) as memory:
                play_all(world, memory, file, _progress(), variants, asked.k, asked.seed, actor.act)
        finally:
            world.environment.close()
    episodes = file.read()
    found = tally(episodes, played, actor, variants, asked.seed)
    console = Console(width=200)
    for table in loop_tables(found):
        console.print(table, "")
    options = {name: value for name, value in vars(asked).items() if name not in {"out", "resume", "model"}}
    here = machine()
    here["packages"] = [f"{name} {version}" for name, version in here["packages"].items()]
    about = About(_command(asked), {**options, "agent": actor.name, **here})
    sys.stderr.write(f"the report is {write(asked.out, (), None, about, found, episodes)}\n")


def _command(asked: argparse.Namespace) -> str:
    """What plays the same again; the folder is anybody's own."""
    found = ["python", "-m", "benchmarks.closed_loop", "--out", "FOLDER"]
    for name in ("world", "variants", "episodes", "k", "seed"):
        found += [f"--{name}", str(getattr(asked, name))]
    return shlex.join([*found, *(["--model", asked.model.name] if asked.model else [])])


if __name__ == "__main__":
    sys.exit(main())
