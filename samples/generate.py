"""Make the sample collections anew: `python -m samples.generate [NAME …] [--into FOLDER]`.

The same versions of the environments give the same bytes. Takes some minutes. With `--vectors` only
the vectors are made, of the records that are there; those of texts that are still there stay as they are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path

from indexing.embedder import load_embedder
from indexing.records import Record, Trajectory, to_bytes
from samples.making import babyai, scienceworld, textworld
from samples.making.recording import Episode, Plan, midway, played, situation
from samples.making.vectors import write_vectors

PLANS: Mapping[str, Callable[[], Plan]] = {
    "babyai": babyai.plan,
    "scienceworld": scienceworld.plan,
    "textworld": textworld.plan,
}


def write(plan: Plan, folder: Path) -> None:
    """One collection's records, settings and situations."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(plan.world):
        shown = plan.shown()
        known = {step.observation for record in shown for step in record.steps}
        held_out = [
            found
            for pick in plan.held_out
            if (found := midway(played(plan.world, [pick]), known)) is not None
        ]
        documents = list(plan.documents())
    if seen := {_course(record) for record in shown} & {_course(episode) for episode, _ in held_out}:
        raise SystemExit(f"{plan.name}: held-out episodes are among the trajectories: {seen}")
    _write_lines(folder / "trajectories.ndjson", shown)
    _write_lines(folder / "documents.ndjson", documents)
    _write_json(folder / "collection.json", {"environment": plan.name, "observation_normalizer": "text"})
    _write_json(folder / "situations.json", [situation(episode, at, plan.name) for episode, at in held_out])
    print(f"{plan.name}: {len(shown)} trajectories, {len(documents)} documents", file=sys.stderr)


def _course(one: Episode | Trajectory) -> tuple[object, ...]:
    return one.instruction, one.steps


def _write_lines(path: Path, records: Iterable[Record]) -> None:
    path.write_bytes(b"".join(to_bytes(record) + b"\n" for record in records))


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and write the collections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(PLANS)} (default: all)")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent, metavar="FOLDER")
    parser.add_argument("--vectors", action="store_true", help="only the vectors, of the records there are")
    options = parser.parse_args()
    if unknown := set(options.names) - set(PLANS):
        parser.error(f"no sample named {', '.join(sorted(unknown))}; there are {', '.join(PLANS)}")
    embedder = load_embedder()
    for name in options.names or PLANS:
        if not options.vectors:
            write(PLANS[name](), options.into / name)
        made = write_vectors(options.into / name, embedder)
        print(f"{name}: {made.kept} vectors kept, {made.fresh} embedded", file=sys.stderr)


if __name__ == "__main__":
    main()
