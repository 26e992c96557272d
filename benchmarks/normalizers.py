"""How many observations recur under another instruction, verbatim and under each normalizer.

    python -m benchmarks.normalizers [--limit 2000] [DATA]

DATA is the folder of public data sets (default: the environment variable PRECEDENT_DATA). Prints a
line per corpus and normalizer: the share of steps whose observation also occurs under a different
instruction, the number of distinct observations, how many of them were merged away, and how many of
the merged groups are followed by more than one action (what merging might confuse).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from indexing import formats
from indexing.errors import InvalidInput
from indexing.normalizers import Normalizer, normalizer
from indexing.records import Trajectory

CORPORA = {
    "MiniWoB": ("miniwob", "miniwob_demos/demos.tar.gz"),
    "SQL": ("intercode", "intercode/results/sql.tar.gz"),
    "bash": ("intercode", "intercode/results/bash.tar.gz"),
    "ALFWorld": ("alfworld", "alfworld_trad/traj.zip"),
    "tau-bench": ("openai-chat", "tau_bench/gpt-4o-airline.json.gz"),
    "SGD": ("sgd", "sgd/sgd_available.tar.gz"),
    "SWE-agent": ("swe-agent", "swe_agent_demos/trajectories"),
}
SETTINGS = ("verbatim", "text", "html", "shell")


def steps(trajectories: Iterable[Trajectory]) -> Iterator[tuple[str, str, str]]:
    """Instruction, observation and action of every step."""
    for trajectory in trajectories:
        for step in trajectory.steps:
            yield trajectory.instruction, step.observation, step.action


def measure(normalize: Normalizer, found: list[tuple[str, str, str]]) -> str:
    """The figures of one corpus under one normalizer."""
    states: dict[str, tuple[set[str], set[str], set[str]]] = {}
    forms: list[str] = []
    for instruction, observation, action in found:
        form = normalize(observation)
        forms.append(form)
        instructions, observations, actions = states.setdefault(form, (set(), set(), set()))
        instructions.add(instruction)
        observations.add(observation)
        actions.add(action)
    recurring = sum(len(states[form][0]) > 1 for form in forms) / len(forms)
    distinct = len({observation for _, observation, _ in found})
    merged = [actions for _, observations, actions in states.values() if len(observations) > 1]
    parted = sum(len(actions) > 1 for actions in merged)
    return (
        f"recurring {recurring:6.1%}  distinct {len(states):7,}  merged {distinct - len(states):6,}"
        f"  merged groups {len(merged):5,}, of them with several actions {parted:5,}"
    )


def main() -> None:
    """Measure each corpus that is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("PRECEDENT_DATA"))
    parser.add_argument("--limit", type=int, default=None, help="trajectories of each corpus (default: all)")
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the folder of the data sets, or set PRECEDENT_DATA")
    for corpus, (name, path) in CORPORA.items():
        try:
            records = formats.read(name, Path(options.data) / path)
            kept = (record for record in records if isinstance(record, Trajectory))
            found = list(steps(islice(kept, options.limit)))
        except InvalidInput as error:
            print(f"{corpus:10} left out: {error}")
            continue
        for setting in SETTINGS:
            print(f"{corpus:10} {len(found):8,} steps  {setting:9}{measure(normalizer(setting), found)}")


if __name__ == "__main__":
    main()
