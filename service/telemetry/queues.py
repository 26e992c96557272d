"""What is looked up at a scrape of what waits: the gate before the searching threads, the embedding lanes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from indexing.lane import BATCH, EmbeddingLane
from indexing.library import Library
from service.gate import Gate
from service.telemetry.names import Names

SIZES = tuple(size for size in (1, 2, 4, 8, 16, 32) if size <= BATCH)
RESULTS = ("embedded", "remembered", "refused", "late")


class Queues(Collector):
    """How full the gate and the lanes are, and whom they turned away."""

    def __init__(self, library: Library, gate: Gate) -> None:
        self._library = library
        self._gate = gate
        self._embedders = Names()

    def collect(self) -> Iterator[Metric]:
        """The gate's metrics and the lanes'."""
        gate = self._gate
        inside, told = "precedent_searching_inside", "Retrievals that search or wait to search."
        yield GaugeMetricFamily(inside, told, gate.inside)
        yield GaugeMetricFamily("precedent_searching_places", "As many may; one more gets 429.", gate.places)
        refused = CounterMetricFamily(
            "precedent_searching_refused", "Retrievals turned away, by reason.", labels=("reason",)
        )
        refused.add_metric(("full",), gate.refused)
        refused.add_metric(("late",), gate.late)
        yield refused
        yield from self._lanes()

    def _lanes(self) -> Iterator[Metric]:
        of = ("embedder",)
        waiting = GaugeMetricFamily(
            "precedent_embed_waiting", "Queries that wait or are being embedded.", labels=of
        )
        places = GaugeMetricFamily("precedent_embed_places", "As many may; one more gets 429.", labels=of)
        queries = CounterMetricFamily(
            "precedent_embed_queries", "Queries by how they went.", labels=("embedder", "result")
        )
        batches = HistogramMetricFamily(
            "precedent_embed_batch_texts", "Texts of a batch that was indexed.", labels=of
        )
        for label, lanes in self._labelled().items():
            waiting.add_metric((label,), sum(lane.depth for lane in lanes))
            places.add_metric((label,), sum(lane.max_waiting for lane in lanes))
            for result in RESULTS:
                queries.add_metric((label, result), sum(getattr(lane.tally, result) for lane in lanes))
            batches.add_metric((label,), *_buckets(lanes))
        yield from (waiting, places, queries, batches)

    def _labelled(self) -> dict[str, list[EmbeddingLane]]:
        by_label: dict[str, list[EmbeddingLane]] = defaultdict(list)
        for embedder, lane in sorted(self._library.lanes().items()):
            by_label[self._embedders.label(embedder)].append(lane)
        return by_label


def _buckets(lanes: Sequence[EmbeddingLane]) -> tuple[list[tuple[str, float]], float]:
    """Batches up to each size, and the texts of all."""
    sizes = [pair for lane in lanes for pair in lane.tally.batches.copy().items()]
    upto = [(f"{bound:.1f}", float(sum(times for size, times in sizes if size <= bound))) for bound in SIZES]
    upto.append(("+Inf", float(sum(times for _, times in sizes))))
    return upto, float(sum(size * times for size, times in sizes))
