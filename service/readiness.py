"""Whether the service can do its work: found out by doing a little of it."""

from __future__ import annotations

import itertools
import logging
import threading
import time

from indexing.analysis import Analyzer
from indexing.building import Builder
from indexing.errors import Overloaded, PrecedentError
from indexing.library import Library
from indexing.live import LiveCollection
from indexing.normalizers import normalizer
from indexing.records import Step, Trajectory
from indexing.settings import CollectionSettings
from indexing.snapshot import Snapshot
from indexing.store.memory import MemoryRecordStore
from indexing.tokens import tokenizer
from retrievers.requests import Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from service.problems import NotReady

log = logging.getLogger(__name__)

PROBED_EVERY_S = 5.0
READY_FOR_S = 60.0
"""How long a probe that went through vouches for the service where nobody probes again."""

_LIBRARY_LOAN = Trajectory(
    "renew", "Renew the loan of a book", (Step("Your loans: one book, due on Friday", "click [renew]"),)
)
_WEATHER = Trajectory(
    "weather", "Tell tomorrow's weather", (Step("A search box and a map", "type [weather tomorrow]"),)
)


class Readiness:
    """Loads the collections, then vouches for a real embedding and a real search."""

    def __init__(self, library: Library, embedder: str) -> None:
        self._library = library
        self._embedder = embedder
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._probe: Snapshot | None = None
        self._probed_at = float("-inf")
        self._probe_ms = 0.0
        self._missing = "the collections are being loaded"
        self._fault = ""
        self._unserved = False
        self._tried_at = float("-inf")
        self._loaded = False
        self._settled = False
        self._ready = False

    @property
    def settled(self) -> bool:
        """Whether the first probe is over, well or not, or can't be made."""
        return self._settled

    @property
    def ready(self) -> bool:
        """Whether all was loaded, and the last probe went through and isn't long ago; makes none."""
        return self._ready and time.monotonic() - self._probed_at < READY_FOR_S

    @property
    def loaded(self) -> bool:
        """Whether loading is over, well or not: what could be loaded is."""
        return self._loaded

    @property
    def fault(self) -> str:
        """Why it isn't ready, empty where nothing is known against it; makes no probe."""
        return self._missing or self._fault

    def load(self) -> None:
        """Load every collection and probe once; takes a while."""
        missing = ""
        try:
            self._library.start()
        except PrecedentError as error:
            log.error("not every collection could be loaded: %s", error)
            missing = f"not every collection could be loaded: {error}"
        finally:
            self._loaded = True
        self._missing = missing or "the embedder is being loaded"
        self._unserved, self._tried_at = bool(missing), time.monotonic()
        if not missing:
            self._first_probe()
        self._settled = True

    def _load_again(self) -> None:
        """See whether what couldn't be loaded can be now, after somebody did what its message says."""
        self._tried_at = time.monotonic()
        for row in self._library.catalog.list():
            self._library.live(row.name)
        self._unserved, self._missing = False, ""

    def _first_probe(self) -> None:
        """Probe before anybody asks: loading the embedder takes seconds that no health check should wait."""
        try:
            self._look()
        except NotReady:
            pass  # told in the log; who asks finds out for himself
        finally:
            self._missing = ""

    def check(self) -> float:
        """How long the probe took, in ms; done anew when the last is some seconds old. Raises NotReady."""
        if self._missing and not self._unserved:
            raise NotReady(self._missing)
        with self._lock:
            if self._unserved and time.monotonic() - self._tried_at > PROBED_EVERY_S:
                try:
                    self._load_again()
                except PrecedentError as error:
                    self._missing = f"not every collection could be loaded: {error}"
            if self._missing:
                raise NotReady(self._missing)
            if time.monotonic() - self._probed_at > PROBED_EVERY_S:
                self._look()
            return self._probe_ms

    def _look(self) -> None:
        try:
            self._probe_ms = self._measured()
        except NotReady as error:
            self._ready = False
            if str(error) != self._fault:
                log.error("%s", error)
            self._fault = str(error)
            raise
        self._ready, self._fault = True, ""
        self._probed_at = time.monotonic()

    def _measured(self) -> float:
        started = time.perf_counter()
        try:
            self._search()
        except Overloaded:
            if self._probed_at == float("-inf"):
                raise NotReady("the embedding lane is full; try again in a second") from None
            return self._probe_ms  # busy with real work, which proves more than a probe
        except PrecedentError as error:
            raise NotReady(f"the built-in probe failed: {error}") from error
        return round((time.perf_counter() - started) * 1e3, 3)

    def _search(self) -> None:
        lane = self._library.lane(self._embedder)
        if self._probe is None:
            self._probe = self._collection()
        text = f"how to renew a book's loan ({next(self._numbers)})"  # a new text, so that it is embedded
        situation = Situation("Renew the loan of a book", (), "Your loans: one book, due on Friday")
        request = Request(situation, "model", (Query(text, "agent"),))
        answer = retrieve(self._probe, lane, request)
        found = [demonstration.id for demonstration in answer.demonstrations]
        if answer.degraded or found[:1] != [_LIBRARY_LOAN.id]:
            without = ", ".join(answer.degraded) or "the wrong record"
            raise NotReady(f"the built-in probe failed: the search came back with {without}")

    def _collection(self) -> Snapshot:
        settings = CollectionSettings(embedder=self._embedder)
        analyzer = Analyzer(normalizer(settings.observation_normalizer), tokenizer(settings.tokenizer))
        store = MemoryRecordStore()
        collection = store.create()
        store.upsert(collection, "trajectory", [_LIBRARY_LOAN, _WEATHER])
        live = LiveCollection(0, Builder(settings, analyzer, self._library.lane(self._embedder)), None)
        live.apply(store.changes(collection, 0, 100))
        return live.snapshot
