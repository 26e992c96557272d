"""All metrics of one app, in a registry of its own, and how they are written for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Metric, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from indexing.library import Library
from service.gate import Gate
from service.telemetry.holdings import Holdings
from service.telemetry.instruments import Instruments
from service.telemetry.names import Names
from service.telemetry.queues import Queues


class Metrics(Collector):
    """The metrics of one app: several apps in one process don't share any."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._collections = Names()
        self._ready: Callable[[], bool] = bool
        self._looked_up: list[Collector] = []
        self.counted = Instruments(self._registry, self._collections)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def watch(self, library: Library, gate: Gate, ready: Callable[[], bool]) -> None:
        """Collect the state of what the app has opened, too."""
        holdings = Holdings(library, self._collections, self.counted.forget)
        self._looked_up = [Queues(library, gate), holdings]
        self._ready = ready

    def collect(self) -> Iterator[Metric]:
        """Every family; without the times of birth of each series, which would double their number."""
        info = GaugeMetricFamily(
            "precedent_info", "1; the label says which version runs.", labels=("version",)
        )
        info.add_metric((version("precedent"),), 1)
        yield info
        yield GaugeMetricFamily(
            "precedent_ready", "1 when the last probe went through, else 0.", int(self._ready())
        )
        for collector in self._looked_up:  # first: it drops what was counted of collections that are gone
            yield from collector.collect()
        for family in self._registry.collect():
            family.samples = [one for one in family.samples if not one.name.endswith("_created")]
            yield family

    def render(self, accept: str) -> tuple[bytes, str]:
        """The metrics in the format that an Accept header asks for, and its media type; for a thread."""
        encode, media_type = choose_encoder(accept)
        return encode(self), media_type
