"""One collection of a backup, laid out in a folder and checked: nothing of it is in the library yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from pydantic_core import from_json

from indexing.analysis import embedded_texts
from indexing.backup.manifest import GENERATION, KEY, RECORDS, VECTORS, SavedCollection
from indexing.errors import CorruptGeneration, InvalidInput, InvalidRecord
from indexing.files import sync
from indexing.generations import Manifest, load_generation, write_manifest
from indexing.parsing import parse_line
from indexing.records import (
    MAX_ID_LENGTH,
    Document,
    Trajectory,
    content_digest,
    document_from_bytes,
    to_fields,
    trajectory_from_bytes,
)
from indexing.settings import CollectionSettings
from indexing.store.records import Kind, Stored
from indexing.store.vectors import Vector, text_hash

VECTORS_AT_ONCE = 1_000
LONGEST_LINE = 256 << 20
"""Bytes of one record's line: it is held in memory, and what a snapshot says of itself may be a lie."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record of the staged file: what is kept of it, and where its body stands."""

    id: str
    sequence: int
    digest: str
    start: int
    size: int


@dataclass(slots=True)
class StagedCollection:
    """A collection that can be restored, once `check` has gone through."""

    saved: SavedCollection
    folder: Path
    entries: dict[Kind, list[_Entry]] = field(default_factory=lambda: {"trajectory": [], "document": []})
    deletions: list[tuple[Kind, str, int]] = field(default_factory=list)
    texts: set[bytes] = field(default_factory=set)
    """Hashes of what is embedded of the records: no other vector belongs here."""

    @property
    def generation(self) -> Path:
        """The folder of its generation's files."""
        return self.folder / GENERATION

    def check(self, indexes: bool) -> None:
        """Raise InvalidInput unless every record and deletion is what it should be.

        With `indexes` vectors and indexes, too. Without, no byte of them is given to a library that reads
        arrays or FAISS's files, which isn't made for those of an enemy.
        """
        self._read_records()
        counted = len(self.entries["trajectory"]), len(self.entries["document"]), len(self.deletions)
        if counted != (self.saved.trajectories, self.saved.documents, self.saved.deletions):
            raise self._wrong("has other numbers of records than its manifest says")
        if not indexes:
            return
        if sum(len(vectors) for vectors in self.vectors()) != self.saved.texts:
            raise self._wrong("has another number of vectors than its manifest says")
        self._check_generation()

    def _wrong(self, what: str) -> InvalidInput:
        return InvalidInput(f"the snapshot of {self.saved.name!r} {what}", "file")

    def _read_records(self) -> None:
        known: set[tuple[str, str]] = set()
        last = {"record": 0, "deleted": 0}
        numbers: set[int] = set()
        at = 0
        settings = self._settings()
        with (self.folder / RECORDS).open("rb") as lines:
            while line := lines.readline(LONGEST_LINE):
                if len(line) == LONGEST_LINE:
                    raise self._wrong(f"has a line of more than {LONGEST_LINE >> 20} MiB, at byte {at}")
                kind, sequence, what = self._read_line(line, at, settings)
                id = what if isinstance(what, str) else what.id
                form = "deleted" if isinstance(what, str) else "record"
                if not last[form] < sequence <= self.saved.sequence or sequence in numbers:
                    raise self._wrong(f"has changes out of order, at {sequence}")
                if (kind, id) in known:
                    raise self._wrong(f"has a {kind} twice, at {sequence}")
                last[form] = sequence
                numbers.add(sequence)
                known.add((kind, id))
                if isinstance(what, str):
                    self.deletions.append((kind, what, sequence))
                else:
                    self.entries[kind].append(what)
                at += len(line)

    def _settings(self) -> CollectionSettings:
        """Those that say what of a record is embedded."""
        served = self.saved.served()
        return served.settings if served else CollectionSettings().updated(self.saved.settings)

    def _read_line(
        self, line: bytes, at: int, settings: CollectionSettings
    ) -> tuple[Kind, int, _Entry | str]:
        """A record's entry, or the id of what was deleted."""
        try:
            fields = from_json(line, allow_inf_nan=False)
        except ValueError:
            raise self._wrong(f"has a line that isn't JSON, at byte {at}") from None
        match fields:
            case {"kind": "trajectory" | "document" as kind, "sequence": int(number), "record": dict()} if (
                number is not True
            ):
                start = line.index(b'"record":') + len(b'"record":')
                body = line[start:].removesuffix(b"}\n")
                return kind, number, self._entry(kind, number, body, at + start, settings)
            case {"kind": "trajectory" | "document" as kind, "sequence": int(number), "deleted": str(id)} if (
                0 < len(id) <= MAX_ID_LENGTH
            ):
                return kind, number, id
        raise self._wrong(f"has a line that is no change, at byte {at}")

    def _entry(self, kind: Kind, sequence: int, body: bytes, at: int, settings: CollectionSettings) -> _Entry:
        try:
            record: Trajectory | Document
            if kind == "trajectory":
                record, kept = parse_line(body, Trajectory), trajectory_from_bytes(body)
            else:
                record, kept = parse_line(body, Document), document_from_bytes(body)  # type: ignore[assignment]
        except (InvalidRecord, ValueError, TypeError, KeyError) as error:
            raise self._wrong(f"has a {kind} that can't be one, at {sequence}: {error}") from None
        if kept != record:
            raise self._wrong(f"has a {kind} in another form than it is kept, at {sequence}")
        self.texts.update(map(text_hash, embedded_texts(record, settings)))
        return _Entry(record.id, sequence, content_digest(to_fields(record)), at, len(body))

    def records(self, kind: Kind) -> Iterator[Stored]:
        """The records of one kind as they are to be kept; after `check`."""
        with (self.folder / RECORDS).open("rb") as file:
            for entry in self.entries[kind]:
                file.seek(entry.start)
                yield Stored(entry.id, entry.sequence, entry.digest, file.read(entry.size))

    def vectors(self) -> Iterator[dict[bytes, Vector]]:
        """The saved vectors by the hash of their text, some at a time; raises InvalidInput."""
        dimension = self.saved.embedder.dimension if self.saved.embedder else 0
        width = KEY + 4 * dimension
        with (self.folder / VECTORS).open("rb") as file:
            while rows := file.read(VECTORS_AT_ONCE * width if dimension else 1):
                if not dimension or len(rows) % width:
                    raise self._wrong("has vectors of another size than its manifest says")
                table = np.frombuffer(rows, np.uint8).reshape(-1, width)
                numbers = np.ascontiguousarray(table[:, KEY:]).view("<f4").astype(np.float32, copy=False)
                if not np.isfinite(numbers).all():
                    raise self._wrong("has vectors that aren't all finite")
                keys = [row.tobytes() for row in table[:, :KEY]]
                found = dict(zip(keys, numbers, strict=True))
                if len(found) < len(keys):
                    raise self._wrong("has a vector twice")
                if not self.texts.issuperset(found):
                    raise self._wrong("has a vector of a text that is none of its own")
                yield found

    def _check_generation(self) -> None:
        served = self.saved.served()
        if served is None:
            return
        if served.sequence > self.saved.sequence:
            raise self._wrong("has a generation of later changes than its own")
        self.finish_generation(served)
        try:
            loaded = load_generation(self.generation, served.to_fields())
            sizes = len(loaded.trajectories), len(loaded.documents)
        except (CorruptGeneration, ValueError, TypeError, KeyError, RuntimeError) as error:
            raise self._wrong(f"has indexes that can't be loaded: {error}") from error
        if sizes != (served.counts.get("trajectories"), served.counts.get("documents")):
            raise self._wrong("has indexes of other sizes than its manifest says")

    def finish_generation(self, manifest: Manifest, id: str | None = None) -> Manifest:
        """Make the folder of files a whole generation, under another id where one is given."""
        named = replace(manifest, id=id) if id else manifest
        for name in named.files:
            sync(self.generation / name)
        write_manifest(self.generation, named)
        return named
