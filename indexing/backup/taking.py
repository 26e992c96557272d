"""Taking a backup: everything is read in one transaction, twice, first to know its sizes and checksums.

What a service writes meanwhile isn't in it, and doesn't wait for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from pydantic_core import to_json

from indexing.analysis import embedded_texts
from indexing.backup.archive import PIECE, ArchiveWriter, checksum
from indexing.backup.manifest import (
    GENERATION,
    RECORDS,
    VECTORS,
    BackupManifest,
    Member,
    SavedCollection,
    SavedEmbedder,
)
from indexing.building import Progress, silent
from indexing.errors import CorruptGeneration, NotFound, PrecedentError
from indexing.generations import Manifest
from indexing.library import Library
from indexing.records import Record, document_from_bytes, trajectory_from_bytes
from indexing.settings import CollectionSettings, settings_of
from indexing.store.catalog import Collection
from indexing.store.moment import Moment, at_one_moment
from indexing.store.records import Kind
from indexing.store.vectors import text_hash

log = logging.getLogger(__name__)

MB = 1_000_000
VECTORS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of the archive to be; `pieces` gives the same bytes each time."""

    name: str
    pieces: Callable[[], Iterator[bytes]]

    def measured(self) -> Member:
        digest, size = checksum(), 0
        for piece in self.pieces():
            digest.update(piece)
            size += len(piece)
        return Member(name=self.name, size=size, blake2b=digest.hexdigest())


def take(
    library: Library, names: Sequence[str] | None, stream: IO[bytes], progress: Progress = silent
) -> BackupManifest:
    """Write these collections, or all there are, into `stream`; returns what was written.

    Raises
    ------
    NotFound
        A collection isn't there, or there is none at all.
    """
    with at_one_moment(library.database) as moment, ExitStack() as open_files:
        rows = [row for row in moment.collections() if names is None or row.name in names]
        if missing := set(names or ()) - {row.name for row in rows}:
            raise NotFound(f"no collection {min(missing)!r}")
        if not rows:
            raise NotFound("there is no collection to take a snapshot of; ingest some records first")
        saved, parts = [], []
        members: list[Member] = []
        for number, row in enumerate(rows, 1):
            one, its = _Reader(library, moment, row, open_files).read(number)
            saved.append(one)
            parts += its
            for part in its:
                members.append(part.measured())
                progress("measuring", sum(member.size for member in members) // MB, 0)
        manifest = BackupManifest(
            written_by=f"precedent {version('precedent')}",
            created_at=time.time(),
            collections=saved,
            members=members,
        )
        writer, done = ArchiveWriter(stream, manifest), 0

        def told(size: int) -> None:
            nonlocal done
            done += size
            progress("saving", done // MB, manifest.size // MB)

        for member, part in zip(members, parts, strict=True):
            writer.add(member, part.pieces(), told)
        writer.end()
    return manifest


class _Reader:
    """Reads what is to be saved of one collection."""

    def __init__(self, library: Library, moment: Moment, row: Collection, open_files: ExitStack) -> None:
        self._library = library
        self._moment = moment
        self._row = row
        self._open_files = open_files

    def read(self, number: int) -> tuple[SavedCollection, list[_Part]]:
        """What there is, and the parts that hold it."""
        served, files = self._generation()
        settings = served.settings if served else settings_of(self._row)
        fingerprint = served.embedder if served else self._fingerprint(settings)
        hashes, dimension = self._texts(settings, fingerprint) if fingerprint else ([], 0)
        saved = SavedCollection(
            name=self._row.name,
            settings=dict(self._row.settings),
            sequence=self._row.sequence,
            created_at=self._row.created_at,
            trajectories=self._moment.count(self._row.id, "trajectory"),
            documents=self._moment.count(self._row.id, "document"),
            deletions=len(self._moment.deletions(self._row.id)),
            texts=len(hashes),
            embedder=SavedEmbedder(name=settings.embedder, fingerprint=fingerprint, dimension=dimension)
            if fingerprint
            else None,
            generation=served.to_fields() if served else None,
        )
        parts = [
            _Part(f"{number}/{RECORDS}", self._lines),
            _Part(f"{number}/{VECTORS}", lambda: self._vectors(fingerprint or "", hashes)),
        ]
        parts += [_Part(f"{number}/{GENERATION}{name}", _pieces_of(file)) for name, file in files]
        return saved, parts

    def _generation(self) -> tuple[Manifest | None, list[tuple[str, IO[bytes]]]]:
        """The served generation and its files, held open so that they stay; none where they are damaged."""
        row = self._moment.generation(self._row.generation) if self._row.generation else None
        if row is None:
            return None, []
        folder = self._library.publisher.root(self._row.id) / row.id
        try:
            manifest = Manifest.from_fields(row.manifest)
            files = [(name, self._opened(folder / name)) for name in sorted(manifest.files)]
            for name, file in files:
                facts = manifest.files[name]
                found = _Part(name, _pieces_of(file)).measured()
                if (found.size, found.blake2b) != (facts["size"], facts["blake2b"]):
                    raise CorruptGeneration(f"{name} isn't what its manifest says")
        except (CorruptGeneration, OSError) as error:
            log.warning("%s is saved without its indexes, which are damaged: %s", self._row.name, error)
            return None, []
        return manifest, files

    def _opened(self, path: Path) -> IO[bytes]:
        return self._open_files.enter_context(path.open("rb"))

    def _fingerprint(self, settings: CollectionSettings) -> str | None:
        try:
            return self._library.lane(settings.embedder).embedder.fingerprint
        except PrecedentError as error:
            log.warning("%s is saved without vectors: %s", self._row.name, error)
            return None

    def _lines(self) -> Iterator[bytes]:
        for kind, stored in self._moment.records(self._row.id):
            yield b'{"kind":"%s","sequence":%d,"record":%s}\n' % (
                kind.encode(),
                stored.sequence,
                stored.body,
            )
        for kind, id, sequence in self._moment.deletions(self._row.id):
            yield to_json({"kind": kind, "sequence": sequence, "deleted": id}) + b"\n"

    def _texts(self, settings: CollectionSettings, fingerprint: str) -> tuple[list[bytes], int]:
        """The hashes of all texts that are embedded, in order, and how long their vectors are."""
        wanted: dict[bytes, None] = {}
        for kind, stored in self._moment.records(self._row.id):
            record = _record(kind, stored.body)
            wanted.update((text_hash(text), None) for text in embedded_texts(record, settings))
        known, dimension, all_of_them = [], 0, list(wanted)
        for first in range(0, len(all_of_them), VECTORS_AT_ONCE):
            chunk = all_of_them[first : first + VECTORS_AT_ONCE]
            found = self._moment.vectors(fingerprint, chunk)
            known += [key for key in chunk if key in found]
            dimension = dimension or max((len(vector) // 4 for vector in found.values()), default=0)
        return known, dimension

    def _vectors(self, fingerprint: str, hashes: Sequence[bytes]) -> Iterator[bytes]:
        for first in range(0, len(hashes), VECTORS_AT_ONCE):
            chunk = hashes[first : first + VECTORS_AT_ONCE]
            found = self._moment.vectors(fingerprint, chunk)
            yield b"".join(key + found[key] for key in chunk)


def _record(kind: Kind, body: bytes) -> Record:
    return trajectory_from_bytes(body) if kind == "trajectory" else document_from_bytes(body)


def _pieces_of(file: IO[bytes]) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece

    return pieces
