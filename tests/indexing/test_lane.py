"""The one lane: bounded, queries before indexing, deadlines kept, nothing embedded twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indexing.embedder import HashingEmbedder, Vectors
from indexing.errors import DeadlineExceeded, EmbeddingFailed, Overloaded
from indexing.lane import EmbeddingLane
from indexing.store.database import open_database
from indexing.store.vectors import VectorCache


class Held(HashingEmbedder):
    """Waits while its gate is closed; keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(32)
        self.gate = threading.Event()
        self.gate.set()
        self.model = threading.Event()
        self.model.set()
        """Cleared, indexing waits."""
        self.asked: list[str] = []
        self.indexed: list[list[str]] = []

    def encode_query(self, text: str) -> Vectors:
        self.asked.append(text)
        assert self.gate.wait(20)
        return super().encode_query(text)

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.indexed.append(list(texts))
        assert self.model.wait(20)
        if "broken" in texts:
            raise RuntimeError("it broke")
        plain = HashingEmbedder(32)
        return plain.encode(texts)


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def lane(tmp_path: Path, held: Held) -> Iterator[EmbeddingLane]:
    engine = open_database(f"sqlite:///{tmp_path}/vectors.db")
    made = EmbeddingLane(held, VectorCache(engine), max_waiting=3, cores=2)
    yield made
    held.gate.set()
    made.close()
    engine.dispose()


def until(lane: EmbeddingLane, depth: int) -> None:
    end = time.monotonic() + 10
    while lane.depth != depth:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_full_lane_refuses_and_a_known_query_needs_no_room(lane: EmbeddingLane, held: Held) -> None:
    known = lane.query("known")
    held.gate.clear()
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(lane.query, text) for text in "abc"]
        until(lane, 3)
        with pytest.raises(Overloaded, match="3 queries wait") as caught:
            lane.query("d")
        assert caught.value.retry_after_s > 0
        assert lane.query("known") is known
        held.gate.set()
        assert [done.result().tobytes() for done in waiting] == [
            HashingEmbedder(32).encode_query(text).tobytes() for text in "abc"
        ]
    assert lane.depth == 0
    assert (lane.tally.embedded, lane.tally.remembered, lane.tally.refused) == (4, 1, 1)


def test_no_core_in_time_and_no_time_at_all(lane: EmbeddingLane, held: Held) -> None:
    held.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(lane.query, text) for text in "ab"]
        until(lane, 2)
        with pytest.raises(DeadlineExceeded):
            lane.query("c", time.monotonic() + 0.05)
        held.gate.set()
        for done in busy:
            done.result()
    with pytest.raises(DeadlineExceeded):
        lane.query("c", time.monotonic() - 1)
    assert "c" not in held.asked
    assert lane.query("a", time.monotonic() - 1).shape == (32,)
    assert lane.tally.late == 2


def test_several_queries_are_embedded_once_each_in_the_order_asked(lane: EmbeddingLane, held: Held) -> None:
    found = lane.queries(["b", "a", "b"])
    assert [vector.tobytes() for vector in found] == [
        HashingEmbedder(32).encode_query(text).tobytes() for text in "bab"
    ]
    assert sorted(held.asked) == ["a", "b"]
    assert lane.queries([]) == []
    with pytest.raises(DeadlineExceeded):
        lane.queries(["c", "d"], time.monotonic() - 1)


def test_indexing_embeds_each_text_once_in_small_batches(lane: EmbeddingLane, held: Held) -> None:
    texts = [f"text {n % 40}" for n in range(100)]
    told: list[int] = []
    vectors = lane.index(texts, told.append)
    assert vectors.tobytes() == HashingEmbedder(32).encode(texts).tobytes()
    assert sorted(text for batch in held.indexed for text in batch) == sorted(set(texts))
    assert max(map(len, held.indexed)) <= 16
    assert told == sorted(told)
    assert told[-1] == 100
    held.indexed.clear()
    assert lane.index(texts[:3]).tobytes() == vectors[:3].tobytes()
    assert lane.index([]).shape == (0, 32)
    assert held.indexed == []
    assert lane.unknown(["text 1", "never"]) == {"never"}


def test_who_watches_may_stop_indexing_and_what_was_done_is_kept(lane: EmbeddingLane, held: Held) -> None:
    def stop(done: int) -> None:
        if done:
            raise KeyError(done)

    with pytest.raises(KeyError):
        lane.index(["a", "b"], stop)
    held.indexed.clear()
    lane.index(["a", "b"])
    assert held.indexed == []


def test_indexing_lets_waiting_queries_pass_but_not_for_ever(lane: EmbeddingLane, held: Held) -> None:
    held.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        query = pool.submit(lane.query, "a")
        until(lane, 1)
        started = time.monotonic()
        lane.index(["text"])
        assert time.monotonic() - started >= 0.2
        assert not query.done()
        held.gate.set()
        query.result()


def test_a_model_that_breaks_down_gives_its_place_and_core_back(lane: EmbeddingLane) -> None:
    def broken(text: str) -> Vectors:
        raise RuntimeError(f"no more memory for {text}\nat 0x7f")

    healthy = lane.embedder.encode_query
    lane.embedder.encode_query = broken  # type: ignore[method-assign]
    for n in range(8):
        with pytest.raises(EmbeddingFailed, match=rf"RuntimeError no more memory for {n}$"):
            lane.query(str(n))
    lane.embedder.encode_query = healthy  # type: ignore[method-assign]
    assert lane.query("fine").shape == (32,)
    assert lane.depth == 0


def test_what_somebody_is_at_is_waited_for_not_embedded_again(lane: EmbeddingLane, held: Held) -> None:
    held.model.clear()
    with ThreadPoolExecutor(4) as pool:
        indexing = [pool.submit(lane.index, ["a", "b"])]
        until_indexed(held, {"a", "b"})
        indexing += [pool.submit(lane.index, ["a", "b", *own]) for own in (["c"], ["d", "c"], [])]
        time.sleep(0.1)
        held.model.set()
        vectors = [one.result(20) for one in indexing]
    assert sorted(text for batch in held.indexed for text in batch) == ["a", "b", "c", "d"]
    for found in vectors:
        assert (found[:2] == vectors[0]).all()


def until_indexed(held: Held, texts: set[str]) -> None:
    end = time.monotonic() + 10
    while not texts <= {text for batch in held.indexed for text in batch}:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_what_somebody_failed_at_is_done_by_who_waited(lane: EmbeddingLane, held: Held) -> None:
    held.model.clear()
    with ThreadPoolExecutor(2) as pool:
        failing = pool.submit(lane.index, ["a", "broken"])
        until_indexed(held, {"a", "broken"})
        waiting = pool.submit(lane.index, ["a"])
        held.model.set()
        assert isinstance(failing.exception(20), EmbeddingFailed)
        assert waiting.result(20).shape == (1, 32)
