"""The one lane that all embedding goes through: bounded, queries before indexing.

A query is embedded alone, so that it has the same vector whatever else is going on; as many at a
time as there are cores. Indexing goes in small batches and lets waiting queries pass between them.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from indexing.claims import Claims
from indexing.embedder import Embedder
from indexing.errors import DeadlineExceeded, EmbeddingFailed, Overloaded
from indexing.store.vectors import VectorCache, text_hash

Vectors = NDArray[np.float32]

MAX_WAITING = 64
"""Queries that may wait at once; one more is refused with Overloaded."""

BATCH = 16
"""Texts that are indexed in one go: what a query may have to wait for."""

PATIENCE_S = 0.25
"""How long indexing waits for queries to pass before it takes its turn all the same."""

REMEMBERED = 4_096
"""Queries whose vectors are kept: an episode asks with the same instruction at every step."""


@dataclass(slots=True)
class Tally:
    """What came to a lane since it was opened: queries by how they went, indexed batches by their size."""

    embedded: int = 0
    remembered: int = 0
    refused: int = 0
    late: int = 0
    batches: Counter[int] = field(default_factory=Counter)


class EmbeddingLane:
    """Embeds for one embedder; safe to use from many threads."""

    def __init__(
        self, embedder: Embedder, cache: VectorCache, max_waiting: int = MAX_WAITING, cores: int | None = None
    ) -> None:
        self.embedder = embedder
        self._cache = cache
        self.max_waiting = max_waiting
        self.tally = Tally()
        self._claims = Claims()
        self._cores = threading.Semaphore(cores or os.cpu_count() or 1)
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._waiting = 0
        self._remembered: OrderedDict[str, Vectors] = OrderedDict()
        self._workers = ThreadPoolExecutor(cores or os.cpu_count() or 1, "embed")
        self._askers = ThreadPoolExecutor(max_waiting, "query")

    @property
    def depth(self) -> int:
        """Queries that wait or are being embedded."""
        return self._waiting

    def query(self, text: str, deadline: float | None = None) -> Vectors:
        """The vector (dimension,) of a query, before `deadline` (time.monotonic) if one is given.

        Raises
        ------
        Overloaded
            Too many queries wait already.
        DeadlineExceeded
            No core came free in time.
        """
        with self._lock:
            if (known := self._remembered.get(text)) is not None:
                self._remembered.move_to_end(text)
                self.tally.remembered += 1
                return known
        with self._place(), self._core(deadline), _told():
            vector = self.embedder.encode_query(text)
        with self._lock:
            self.tally.embedded += 1
            self._remembered[text] = vector
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return vector

    def queries(self, texts: Sequence[str], deadline: float | None = None) -> list[Vectors]:
        """The vectors of several queries, as many at a time as there are cores; raises as `query` does."""
        distinct = list(dict.fromkeys(texts))
        with self._lock:
            fresh = [text for text in distinct if text not in self._remembered]
        if len(fresh) > 1:
            list(self._askers.map(lambda text: self.query(text, deadline), fresh))
        return [self.query(text, deadline) for text in texts]

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._lock:
            if self._waiting >= self.max_waiting:
                self.tally.refused += 1
                raise Overloaded(f"{self._waiting} queries wait to be embedded; try again in a second")
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1
                if not self._waiting:
                    self._idle.notify_all()

    @contextmanager
    def _core(self, deadline: float | None) -> Iterator[None]:
        left = None if deadline is None else deadline - time.monotonic()
        if (left is not None and left <= 0) or not self._cores.acquire(timeout=left):
            with self._lock:
                self.tally.late += 1
            raise DeadlineExceeded("no room to embed the query before the deadline; allow more time")
        try:
            yield
        finally:
            self._cores.release()

    def unknown(self, texts: Sequence[str]) -> set[str]:
        """Those of the texts that were never embedded for indexing."""
        hashes = {text_hash(text): text for text in texts}
        known = self._cache.get(self.embedder.fingerprint, list(hashes))
        return {text for key, text in hashes.items() if key not in known}

    def index(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors (texts, dimension), from the cache where they are there; new ones are kept in it.

        `progress` is told how many of the texts are done, and may raise to stop.
        """
        model = self.embedder.fingerprint
        hashes = [text_hash(text) for text in texts]
        known = self._cache.get(model, list(dict.fromkeys(hashes)))
        missing = {key: text for key, text in zip(hashes, texts, strict=True) if key not in known}
        order = sorted(missing, key=lambda key: (len(missing[key]), key))
        told = progress or (lambda done: done)
        told(len(texts) - len(order))
        for first in range(0, len(order), BATCH * 16):
            chunk = order[first : first + BATCH * 16]
            known |= self._made({key: missing[key] for key in chunk})
            told(len(texts) - len(order) + first + len(chunk))
        if not texts:
            return np.empty((0, self.embedder.dimension), np.float32)
        return np.stack([known[key] for key in hashes])

    def _made(self, wanted: Mapping[bytes, str]) -> dict[bytes, Vectors]:
        """Vectors that weren't in the cache a moment ago, embedded here or by whoever is at them already."""
        model = self.embedder.fingerprint
        made: dict[bytes, Vectors] = {}
        while left := [key for key in wanted if key not in made]:
            with self._claims.take(left) as (mine, others):
                made |= self._cache.get(model, mine)
                rest = [key for key in mine if key not in made]
                fresh = dict(zip(rest, self._encode([wanted[key] for key in rest]), strict=True))
                self._cache.put(model, fresh)
                made |= fresh
            for other in others:
                other.wait()
        return made

    def _encode(self, texts: Sequence[str]) -> list[Vectors]:
        batches = [texts[first : first + BATCH] for first in range(0, len(texts), BATCH)]
        return [vector for batch in self._workers.map(self._yielding, batches) for vector in batch]

    def _yielding(self, batch: Sequence[str]) -> Vectors:
        with self._lock:
            self._idle.wait_for(lambda: not self._waiting, timeout=PATIENCE_S)
            self.tally.batches[len(batch)] += 1
        with _told():
            return self.embedder.encode(batch)

    def close(self) -> None:
        """Let the threads go; what is being embedded is finished first."""
        self._workers.shutdown()
        self._askers.shutdown()


@contextmanager
def _told() -> Iterator[None]:
    """Whatever a model raises becomes one error of ours: no model's bug may end the indexing thread."""
    try:
        yield
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        raise EmbeddingFailed(f"the embedder failed: {type(error).__name__} {reason}") from error


class Lanes:
    """A lane for each embedder that is used, its model loaded once."""

    def __init__(self, load: Callable[[str], Embedder], cache: VectorCache) -> None:
        self._load = load
        self._cache = cache
        self._lanes: dict[str, EmbeddingLane] = {}
        self._lock = threading.Lock()

    def __getitem__(self, embedder: str) -> EmbeddingLane:
        with self._lock:
            if embedder not in self._lanes:
                self._lanes[embedder] = EmbeddingLane(self._load(embedder), self._cache)
            return self._lanes[embedder]

    def opened(self) -> dict[str, EmbeddingLane]:
        """The lanes in use, by their embedder; waits for none that is being loaded."""
        return dict(self._lanes)

    def close(self) -> None:
        """Close every lane."""
        for lane in self._lanes.values():
            lane.close()
