"""The sample collections: loaded once into a data folder, found again afterwards.

A sample is a folder with `collection.json` (its settings), `trajectories.ndjson`, `documents.ndjson`
and `situations.json`; the collection has the folder's name. What was loaded is remembered in the
data folder by a digest of the files, written when the sample's generation is served.

`vectors.bin` spares the first start from embedding what is the same on every machine. A sample is
whole without it: where it is missing, damaged or another model's, its texts are embedded.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from indexing.errors import InvalidInput, InvalidRecord
from indexing.formats import ImportReport, read
from indexing.parsing import decode
from indexing.records import JSON
from indexing.settings import CollectionSettings
from indexing.store.vector_files import PackedVectors
from service.loading import Loader, is_indexed

if TYPE_CHECKING:
    from indexing.building import Progress
    from indexing.library import Library

log = logging.getLogger(__name__)

SETTINGS = "collection.json"
RECORDS = ("trajectories.ndjson", "documents.ndjson")
SITUATIONS = "situations.json"
VECTORS = "vectors.bin"
MEMORY = "samples.json"
BEGUN = ""
"""Remembered of a sample whose loading has begun and isn't known to have ended."""


def find_samples(folder: Path) -> list[Path]:
    """The sample folders in `folder`, by name; raises InvalidInput where it is none."""
    if not folder.is_dir():
        raise InvalidInput(f"{folder}: no such folder of samples")
    return sorted(path.parent for path in folder.glob(f"*/{SETTINGS}"))


class SampleLoader:
    """Brings the samples of a folder into a library, each at most once."""

    def __init__(self, library: Library, folder: Path) -> None:
        self._library = library
        self._memory = library.folder / MEMORY
        self.samples = find_samples(folder)

    def missing(self) -> list[Path]:
        """Samples that aren't loaded, or not as they are now; other people's collections are let be."""
        known = self._remembered()
        return [sample for sample in self.samples if self._is_missing(sample, known)]

    def _is_missing(self, sample: Path, known: dict[str, str]) -> bool:
        row = self._library.catalog.get(sample.name)
        if row is None:
            return True
        if sample.name not in known:
            log.warning("collection %s is not the sample of that name and stays as it is", sample.name)
            return False
        return row.generation is None or known[sample.name] != digest(sample)

    def load(self, sample: Path, told: Callable[[str, int], None], progress: Progress) -> None:
        """Load one sample and serve its generation; done again after a crash, it changes nothing more.

        No ranker is fitted, so that a first start is quick; the next reindex does.
        """
        from retrievers.learning import learn_by_rule

        self._remember(sample.name, BEGUN)
        loader = Loader(self._library, sample.name, settings=_settings(sample))
        loader.prepare()
        self._bring_vectors(sample)
        for path in (sample / name for name in RECORDS if (sample / name).is_file()):
            report = ImportReport()
            for record in read("ndjson", path, report):
                loader.add(record)
                told("loading", report.read)
            for line, error in report.errors:
                log.warning("%s:%d: %s", path, line, error)
        loader.flush()
        if not is_indexed(self._library, self._library.collection(sample.name)):
            self._library.reindex(sample.name, progress=progress, learner=learn_by_rule)
        self._remember(sample.name, digest(sample))

    def _bring_vectors(self, sample: Path) -> None:
        """Put the vectors that come with the sample where indexing looks for them."""
        path = sample / VECTORS
        if not path.is_file():
            return
        settings = CollectionSettings().updated(self._library.collection(sample.name).settings)
        embedder = self._library.lane(settings.embedder).embedder
        try:
            packed = PackedVectors.from_bytes(path.read_bytes())
        except InvalidInput as error:
            log.warning("%s is not used, the texts are embedded: %s", path, error)
            return
        if (packed.model, packed.dimension) != (embedder.fingerprint, embedder.dimension):
            log.warning("%s is not used, the texts are embedded: it isn't of %s", path, embedder.name)
            return
        self._library.vectors.put(packed.model, packed.vectors)

    def _remembered(self) -> dict[str, str]:
        try:
            found = decode(self._memory.read_bytes())
        except (FileNotFoundError, InvalidRecord):
            return {}
        return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}

    def _remember(self, name: str, value: str) -> None:
        partial = self._memory.with_suffix(".partial")
        partial.write_text(json.dumps(self._remembered() | {name: value}, indent=1) + "\n")
        partial.replace(self._memory)


def digest(sample: Path) -> str:
    """What tells this sample from any other."""
    found = blake2b(digest_size=16)
    for name in (SETTINGS, *RECORDS):
        path = sample / name
        content = path.read_bytes() if path.is_file() else b""
        found.update(f"{name} {len(content)} ".encode() + content)
    return found.hexdigest()


def _settings(sample: Path) -> dict[str, JSON]:
    path = sample / SETTINGS
    try:
        found = decode(path.read_bytes())
    except InvalidRecord as error:
        raise InvalidInput(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{path}: not an object of settings")
    return found


def example(samples: list[Path]) -> dict[str, JSON] | None:
    """A request worth trying: the first situation of the first sample that has one."""
    for sample in samples:
        try:
            found = decode((sample / SITUATIONS).read_bytes())
        except (FileNotFoundError, InvalidRecord):
            continue
        for situation in found if isinstance(found, list) else ():
            if isinstance(situation, dict) and (situation.get("instruction") or situation.get("observation")):
                names = ("instruction", "observation")
                return {"collection": sample.name} | {n: situation[n] for n in names if situation.get(n)}
    return None
