"""What is looked up at a scrape of what is kept: collections, jobs, the disk."""

from __future__ import annotations

import logging
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from indexing.errors import PrecedentError
from indexing.library import Library
from indexing.store.catalog import Collection
from indexing.store.jobs import JobState
from indexing.store.records import Kind
from service.telemetry.names import Names

log = logging.getLogger(__name__)

KINDS: tuple[Kind, ...] = ("trajectory", "document")


class Holdings(Collector):
    """What a data folder holds. Reads its database: belongs in a thread; counts only what has changed."""

    def __init__(self, library: Library, names: Names, forget: Callable[[set[str]], None]) -> None:
        self._library = library
        self._names = names
        self._forget = forget
        self._failures = 0
        self._counted: dict[int, tuple[int, dict[Kind, int]]] = {}
        self._born: dict[str, float] = {}

    def collect(self) -> Iterator[Metric]:
        """The metrics; none where the folder can't be read, which is counted."""
        found: list[Metric] = []
        try:
            found = [*self._collections(), *self._jobs(), *self._disk()]
        except (PrecedentError, SQLAlchemyError, OSError) as error:
            self._failures += 1
            log.warning("not all metrics could be collected: %s", error)
        yield from found
        yield CounterMetricFamily(
            "precedent_collect_failures", "Scrapes that couldn't read the data folder.", self._failures
        )

    def _collections(self) -> Iterator[Metric]:
        rows = self._library.catalog.list()
        self._forget(self._names.keep({row.name for row in rows}))
        deltas = self._library.deltas()
        records: dict[tuple[str, ...], float] = defaultdict(float)
        delta: dict[tuple[str, ...], float] = defaultdict(float)
        ages: dict[tuple[str, ...], float] = {}
        for row in rows:
            label = self._names.label(row.name)
            for kind, number in self._counts(row).items():
                records[label, kind] += number
            delta[label,] += deltas.get(row.id, 0)
            if (born := self._birth(row)) is not None:
                ages[label,] = max(ages.get((label,), 0.0), time.time() - born)
        self._counted = {row.id: self._counted[row.id] for row in rows}
        self._born = {id: self._born[id] for row in rows if (id := row.generation) in self._born}
        yield GaugeMetricFamily("precedent_collections", "Collections there are.", len(rows))
        yield _gauge("precedent_records", "Records kept.", ("collection", "kind"), records)
        told = "Records served from memory, beside the generation."
        yield _gauge("precedent_delta_records", told, ("collection",), delta)
        told = "Age of the served generation; of `other`, the oldest."
        yield _gauge("precedent_generation_age_seconds", told, ("collection",), ages)

    def _counts(self, row: Collection) -> dict[Kind, int]:
        known = self._counted.get(row.id)
        if known is None or known[0] != row.sequence:
            counts = {kind: self._library.records.count(row.id, kind) for kind in KINDS}
            self._counted[row.id] = known = (row.sequence, counts)
        return known[1]

    def _birth(self, row: Collection) -> float | None:
        """When the served generation was built."""
        if row.generation is None:
            return None
        if row.generation not in self._born:
            found = self._library.catalog.generation(row.generation)
            if found is None:
                return None
            self._born[row.generation] = found.created_at
        return self._born[row.generation]

    def _jobs(self) -> Iterator[Metric]:
        counts = self._library.jobs.counts()
        states: tuple[JobState, ...] = get_args(JobState)
        by_state: dict[tuple[str, ...], float] = {(state,): counts.get(state, 0) for state in states}
        yield _gauge("precedent_jobs", "Jobs that are remembered, by state.", ("state",), by_state)

    def _disk(self) -> Iterator[Metric]:
        folder = self._library.folder
        free = shutil.disk_usage(folder).free
        yield GaugeMetricFamily("precedent_disk_free_bytes", "Room on the data folder's disk.", free)
        size = sum(path.stat().st_size for path in folder.glob("precedent.db*"))
        yield GaugeMetricFamily("precedent_database_bytes", "The SQLite database with its log.", size)


def _gauge(name: str, told: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]) -> Metric:
    family = GaugeMetricFamily(name, told, labels=labels)
    for of, value in values.items():
        family.add_metric(of, value)
    return family
