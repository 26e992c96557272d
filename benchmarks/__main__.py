"""`python -m benchmarks`: run the benchmarks, say what they found against what must hold, keep it as JSON."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.comparison import Benchmark, Comparison, Round, write
from benchmarks.corpora import data_folder

NAMES = ("lexical", "build", "retrieve", "startup", "strain", "sgd")
OPTIONAL = ("normalizers",)
"""What only reports: no bar, so only when asked for."""
RESULTS = Path(__file__).parent / "results"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--round", choices=("short", "full"), default="short")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=(*NAMES, *OPTIONAL), default=NAMES)
    parser.add_argument("--json", type=Path, metavar="FILE", help="all results in one file")
    parser.add_argument("--scale", type=float, default=1.0, help="this many times the round's counts")
    parser.add_argument(
        "--vectors",
        choices=("real", "stand-in"),
        help="how stored texts are embedded where only search is timed; default: real in the full round",
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a bar is missed")
    return parser.parse_args()


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _run(name: str, round_: Round) -> list[Comparison]:
    if name in OPTIONAL:
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=RESULTS.parents[1], check=True)
        return []
    benchmark: Benchmark = importlib.import_module(f"benchmarks.{name}").run
    found = []
    for comparison in benchmark(round_):
        print(comparison, flush=True)
        found.append(comparison)
    return found


def main() -> int:
    """Run what was asked for; with --strict, 1 where a bar is missed."""
    asked = _arguments()
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    vectors = asked.vectors or ("real" if asked.round == "full" else "stand-in")
    everything = []
    RESULTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=RESULTS, prefix="work-") as folder:
        round_ = Round(asked.round, Path(folder), data_folder(), vectors, asked.scale, _say)
        for name in asked.only:
            started = time.monotonic()
            _say(f"-- {name}, {asked.round} round")
            found = _run(name, round_)
            write(RESULTS / f"{name}-{asked.round}.json", name, round_, found)
            everything += found
            _say(f"-- {name}: {time.monotonic() - started:.0f} s")
        if asked.json:
            write(asked.json, " ".join(asked.only), round_, everything)
    missed = [comparison.what for comparison in everything if comparison.met is False]
    print(f"{len(missed)} bars missed" + "".join(f"\n    {what}" for what in missed))
    return 1 if missed and asked.strict else 0


if __name__ == "__main__":
    sys.exit(main())
