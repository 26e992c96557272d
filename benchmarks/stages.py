"""`python -m benchmarks.stages`: where the time of a `POST /retrieve` goes, stage by stage, in one process.

Strategy `observation`, 10,000 trajectories, observations that are stored. Each stage is called by itself on
all requests; processor time, the least of several rounds for each request. It only reports.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from pydantic_core import to_json

from benchmarks.comparison import Round
from benchmarks.corpora import COLLECTION, Situated, data_folder
from benchmarks.retrieve import body, prepare
from indexing.library import Library
from retrievers.budget import Meter
from retrievers.context import Context
from retrievers.observation_channel import equal_observations, similar_observations
from retrievers.query_writers import Written
from retrievers.requests import Answer, Limits
from retrievers.retrieval import retrieve
from retrievers.shelf import Shelf
from service.bodies import parse
from service.retrieval import answer, to_request
from service.schemas import RetrieveIn

ROUNDS = 5
FAR = 1e9


def _least(works: Callable[[], Sequence[Callable[[], Any]]]) -> float:
    """Microseconds of one of `works`, made anew for each round."""
    rounds = [[_seconds(work) for work in works()] for _ in range(ROUNDS)]
    return 1e6 * float(mean(min(each) for each in zip(*rounds, strict=True)))


def _seconds(work: Callable[[], Any]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def measure(library: Library, some: Sequence[Situated]) -> dict[str, float]:
    """Microseconds of each stage for a request; each goes through all requests, so that no cache has them."""
    sent = [to_json(body(one, "observation")) for one in some]
    asked = [parse(RetrieveIn, one) for one in sent]
    requests = [to_request(one, Written(()), FAR) for one in asked]
    live = library.live(COLLECTION)
    snapshot, lane, k = live.snapshot, live.builder.lane, Limits().observation
    meter = Meter(snapshot.analyzer.tokenizer)
    answers = [retrieve(snapshot, lane, one) for one in requests]
    shown = [[snapshot.trajectories.number(one.id) or 0 for one in found.demonstrations] for found in answers]

    def contexts() -> list[Context]:
        made = [Context(snapshot, lane, one, snapshot.scope((), ())) for one in requests]
        return [context for context in made if context.observed]

    def filling() -> list[Callable[[], Any]]:
        equal = [(context, equal_observations(context, k)) for context in contexts()]
        return [
            partial(similar_observations, context, k - len(found), {one.trajectory for one in found})
            for context, found in equal
        ]

    def reading() -> list[Callable[[], Any]]:
        shelf = Shelf(snapshot, meter)
        return [partial(list, map(shelf.__getitem__, numbers)) for numbers in shown]

    def all_() -> list[Callable[[], Any]]:
        return [partial(_answered, library, one) for one in sent]

    situation = snapshot.analyzer.situation
    return {
        "all": _least(all_),
        "reading the request": _least(lambda: [partial(parse, RetrieveIn, one) for one in sent]),
        "the collection's state, from the database": _least(
            lambda: [partial(library.live, COLLECTION)] * len(some)
        ),
        "normalising the observation, its terms": _least(
            lambda: [partial(situation, one.observation) for one in some]
        ),
        "equal observations, in order": _least(
            lambda: [partial(equal_observations, one, k) for one in contexts()]
        ),
        "BM25 for the places that they leave": _least(filling),
        "reading the records": _least(reading),
        "writing the answer": _least(lambda: [partial(_written, one) for one in answers]),
    }


def _answered(library: Library, sent: bytes) -> bytes:
    return to_json(answer(library, parse(RetrieveIn, sent), Written(()), FAR))


def _written(found: Answer) -> bytes:
    return to_json(found.to_fields())


def main() -> None:
    """Build the collection, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000)
    asked = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with tempfile.TemporaryDirectory() as folder:
        round_ = Round("short", Path(folder), data_folder(), "stand-in")
        found = prepare(round_, Path(folder), 10_000)
        sys.stderr.write(f"{found.data}\n")
        with Library(Path(folder)) as library:
            library.start()
            means = measure(library, found.known[: asked.requests])
    rest = 2 * means["all"] - sum(means.values())
    for stage, taken in {
        **means,
        "likeness, windows, and what stages cost more in turn than each by itself": rest,
    }.items():
        print(f"{taken:6.0f} us  {taken / means['all']:4.0%}  {stage}")


if __name__ == "__main__":
    main()
