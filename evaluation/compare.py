"""`precedent compare`: collections parted by task, and every variant asked about what was held out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass

from evaluation.memory import MEMORY, Progress, remembering_part, trajectories
from evaluation.replay import Replay
from evaluation.results import RowFile
from evaluation.split import INSTRUCTION, episodes, split, steps_of
from evaluation.variants import chosen, rows_each
from indexing.lane import EmbeddingLane
from indexing.library import Library
from indexing.records import JSON


@dataclass(frozen=True, slots=True)
class Options:
    """How to compare. `by`: what may not recur between memory and held-out (see `evaluation.split`)."""

    strategies: tuple[str, ...] | None = None
    by: str = INSTRUCTION
    held_out: float = 0.2
    episodes: int = 100
    steps: int = 8
    k: int = 10
    budgets: tuple[int, ...] = (500, 1_000, 2_000, 4_000)
    seed: int = 0

    def to_fields(self) -> dict[str, JSON]:
        """As a JSON object."""
        fields = asdict(self)
        strategies = list(self.strategies) if self.strategies is not None else None
        return fields | {"strategies": strategies, "budgets": list(self.budgets)}


def compare(
    library: Library, names: Sequence[str], options: Options, file: RowFile, progress: Progress
) -> None:
    """Measure each collection; rows are appended to `file`, what is there already isn't done again.

    The same options and the same records give the same rows, milliseconds aside. `progress` is told
    (stage, done, total) and may raise to stop.

    Raises
    ------
    NotFound
        There is no such collection.
    InvalidInput
        A collection has too little to hold anything out, or a variant's name isn't known.
    """
    variants = chosen(options.strategies)
    file.keep_whole(rows_each(variants, len(options.budgets)))
    done = {(row.collection, row.episode, row.step) for row in file.read()}
    for name in names:
        parted = split(trajectories(library, name), options.by, options.held_out, options.seed)
        asked = [
            (episode, step)
            for episode in episodes(parted.held_out, options.episodes, options.seed)
            for step in steps_of(episode, options.steps)
        ]
        left = [one for one in asked if (name, one[0].id, one[1]) not in done]
        if not left:
            continue
        with remembering_part(library, name, parted.memory, file.path.parent / MEMORY, progress) as memory:
            live = memory.live(name)
            with lanes(memory, live.builder.lane, variants) as open_lanes:
                replay = Replay(name, live.snapshot, open_lanes, options.k, options.budgets)
                for count, (episode, step) in enumerate(left, len(asked) - len(left)):
                    progress(f"asking {name}", count, len(asked))
                    for rows in replay.rows(episode, [step]):
                        file.append(rows)
                progress(f"asking {name}", len(asked), len(asked))


@contextmanager
def lanes(
    memory: Library, lane: EmbeddingLane, variants: Sequence[str]
) -> Iterator[dict[str, EmbeddingLane]]:
    """A lane for each variant, closed at the end."""
    with ExitStack() as stack:
        found = {name: EmbeddingLane(lane.embedder, memory.vectors, cores=1) for name in variants}
        for one in found.values():
            stack.callback(one.close)
        yield found
