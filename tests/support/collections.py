"""Small made-up records, and libraries that index them without a model."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st

from indexing.analysis import Analyzer
from indexing.embedder import Embedder, HashingEmbedder, Vectors
from indexing.library import Library
from indexing.normalizers import normalizer
from indexing.records import Document, Step, Trajectory
from indexing.tokens import tokenizer

NAME = "web"


class CountingEmbedder(HashingEmbedder):
    """Keeps every text that it was given to index."""

    def __init__(self, dimension: int = 64) -> None:
        super().__init__(dimension)
        self.indexed: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        """Cleared, indexing waits."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        assert self.gate.wait(30)
        self.indexed += texts
        return super().encode(texts)


class Embedders:
    """One embedder for each name, the same at every opening of a library."""

    def __init__(self) -> None:
        self.made: dict[str, CountingEmbedder] = {}

    def __call__(self, name: str) -> Embedder:
        dimension = int(name.removeprefix("hashing-"))
        return self.made.setdefault(name, CountingEmbedder(dimension))

    def __getitem__(self, name: str) -> CountingEmbedder:
        return self.made[name]


SETTINGS = {"embedder": "hashing-64", "tokenizer": "words"}


def analyzer(normalizes: str = "text", counts: str = "words") -> Analyzer:
    return Analyzer(normalizer(normalizes), tokenizer(counts))


def open_library(folder: Path, embedders: Embedders | None = None) -> Library:
    return Library(folder, embedders or Embedders())


def trajectory(
    id: str, instruction: str = "Find it", steps: Sequence[tuple[str, str]] = (("o", "a"),), **more: object
) -> Trajectory:
    made = tuple(Step(observation, action) for observation, action in steps)
    return Trajectory(id, instruction, made, **more)  # type: ignore[arg-type]


IDS = st.sampled_from(["a", "b", "c", "d/e", "é", "Z", "10", "9"])
OBSERVATIONS = st.sampled_from(
    [
        "",
        "OK.",
        "ok",
        "red square",
        "red  square",
        "Red square",
        "a blue circle",
        "square red",
        "OK. \t",
        "\n",
    ]
)
ACTIONS = st.sampled_from(["click [1]", "click [2]", "scroll", "", "type red"])
INSTRUCTIONS = st.sampled_from(
    ["Find red", "find RED", "red find", "Click the blue circle", "!", "Scroll down"]
)
THOUGHTS = st.none() | st.sampled_from(["", "red is there", "nothing"])
STEPS = st.builds(Step, OBSERVATIONS, ACTIONS, THOUGHTS)
METADATA = st.none() | st.fixed_dictionaries({"site": st.sampled_from(["x", "y"])})
OUTCOMES = st.none() | st.builds(lambda success: {"success": success}, st.booleans())


def trajectories(ids: st.SearchStrategy[str] = IDS) -> st.SearchStrategy[Trajectory]:
    """Trajectories of few words, so that observations and instructions recur."""
    steps = st.lists(STEPS, min_size=1, max_size=4).map(tuple)
    final = st.none() | OBSERVATIONS
    return st.builds(Trajectory, ids, INSTRUCTIONS, steps, final, st.none(), OUTCOMES, METADATA)


def documents(ids: st.SearchStrategy[str] = IDS) -> st.SearchStrategy[Document]:
    return st.builds(
        Document, ids, st.sampled_from(["", "Shapes"]), OBSERVATIONS.filter(str.strip), st.none(), METADATA
    )
