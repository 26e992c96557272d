"""Generations on disk: built beside the served one, checksummed, published whole or not at all.

A generation is a folder of arrays and FAISS indexes with a `manifest.json` that names each file's
size and checksum. It is written under a temporary name, every file and the folder fsynced, the
manifest last, then renamed. A generation is loaded only when every file is what its manifest says.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b, file_digest
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
from pydantic_core import from_json, to_json

from indexing.dense import DenseIndex
from indexing.errors import CorruptGeneration
from indexing.files import sync, used
from indexing.records import JSON
from indexing.segment import Arrays, DocumentSegment, TrajectorySegment
from indexing.settings import CollectionSettings

FORMAT = 2
MANIFEST = "manifest.json"
LEARNED = "learned."
"""How the names of the files begin that strategies learned."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is made of and from. `sequence` is the last change it contains."""

    id: str
    sequence: int
    settings: CollectionSettings
    embedder: str
    counts: Mapping[str, int]
    files: Mapping[str, Mapping[str, Any]]

    def to_fields(self) -> dict[str, JSON]:
        """As a JSON object."""
        return {
            "format": FORMAT,
            "id": self.id,
            "sequence": self.sequence,
            "settings": self.settings.to_fields(),
            "embedder": self.embedder,
            "counts": dict(self.counts),
            "files": {name: dict(facts) for name, facts in sorted(self.files.items())},
        }

    @classmethod
    def from_fields(cls, found: Mapping[str, JSON]) -> Manifest:
        """Inverse of `to_fields`; raises CorruptGeneration for anything else."""
        try:
            fields = dict(found)
            if fields.pop("format") != FORMAT:
                raise CorruptGeneration("written by another version; run: precedent reindex")
            return cls(settings=CollectionSettings(**fields.pop("settings")), **fields)
        except (KeyError, TypeError) as error:
            raise CorruptGeneration(f"{MANIFEST} can't be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Generation:
    """A loaded generation: its manifest, its memory-mapped segments, and what strategies learned of it."""

    manifest: Manifest
    trajectories: TrajectorySegment
    documents: DocumentSegment
    learned: Mapping[str, bytes]


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {
            "size": path.stat().st_size,
            "blake2b": file_digest(file, lambda: blake2b(digest_size=16)).hexdigest(),
        }


class _Plain:
    """A file of which numpy knows only how to write: given a real one it loses the error of a full disk."""

    def __init__(self, file: IO[bytes]) -> None:
        self.write = file.write


def _write_segment(folder: Path, kind: str, arrays: Arrays, dense: Mapping[str, DenseIndex]) -> None:
    for name, array in arrays.items():
        with (folder / f"{kind}.{name}.npy").open("wb") as file:
            np.save(_Plain(file), array, allow_pickle=False)
    for name, index in dense.items():
        index.save(folder / f"{kind}.{name}.faiss")


def write_generation(
    root: Path,
    manifest: Manifest,
    trajectories: tuple[Arrays, Mapping[str, DenseIndex]],
    documents: tuple[Arrays, Mapping[str, DenseIndex]],
    learned: Mapping[str, bytes] = MappingProxyType({}),
) -> Manifest:
    """Write a generation's folder `root/<id>`; returns the manifest with its files.

    After a crash at any moment the folder is there whole, or not at all under that name. Raises OSError.
    """
    root.mkdir(parents=True, exist_ok=True)
    folder = root / f"tmp-{manifest.id}"
    folder.mkdir()
    try:
        _write_segment(folder, "trajectories", *trajectories)
        _write_segment(folder, "documents", *documents)
        for name, content in learned.items():
            (folder / f"{LEARNED}{name}").write_bytes(content)
        files = {}
        for path in sorted(folder.iterdir()):
            sync(path)
            files[path.name] = _facts(path)
        manifest = replace(manifest, files=files)
        write_manifest(folder, manifest)
        folder.rename(root / manifest.id)
        sync(root)
    except BaseException:
        for left in (folder, root / manifest.id):
            shutil.rmtree(left, ignore_errors=True)
        raise
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write what makes a folder of files a generation, last of all."""
    (folder / MANIFEST).write_bytes(to_json(manifest.to_fields(), indent=1))
    sync(folder / MANIFEST)
    sync(folder)


def _read_segment(folder: Path, kind: str, names: Iterable[str]) -> tuple[Arrays, dict[str, DenseIndex]]:
    arrays: Arrays = {}
    dense: dict[str, DenseIndex] = {}
    for name in names:
        owner, field, ending = name.split(".")
        if owner != kind:
            continue
        if ending == "npy":
            mapped = np.load(folder / name, mmap_mode="r", allow_pickle=False)
            arrays[field] = mapped.view(np.ndarray)  # a memmap costs a microsecond at every index
        else:
            dense[field] = DenseIndex.load(folder / name)
    return arrays, dense


def verify(folder: Path, expected: Mapping[str, JSON]) -> Manifest:
    """The manifest of a generation whose every file is as it was written.

    `expected` is the manifest as the database keeps it.

    Raises
    ------
    CorruptGeneration
        A file is missing, cut or changed; names it.
    """
    try:
        if from_json((folder / MANIFEST).read_bytes()) != expected:
            raise CorruptGeneration(f"{MANIFEST} isn't the one that was published")
        manifest = Manifest.from_fields(expected)
        for name, facts in manifest.files.items():
            if _facts(folder / name) != facts:
                raise CorruptGeneration(f"{name} isn't what its manifest says")
    except (OSError, ValueError) as error:
        raise CorruptGeneration(f"a file can't be read: {error}") from error
    return manifest


def load_generation(folder: Path, expected: Mapping[str, JSON]) -> Generation:
    """Verify a generation and memory-map it; raises CorruptGeneration as `verify` does.

    Meanwhile nobody removes it; what is mapped then stays readable, though its files be removed.
    """
    try:
        with used(folder):
            return _load(folder, verify(folder, expected))
    except OSError as error:
        raise CorruptGeneration(f"a file can't be read: {error}") from error


def _load(folder: Path, manifest: Manifest) -> Generation:
    try:
        return Generation(
            manifest,
            TrajectorySegment(*_read_segment(folder, "trajectories", manifest.files)),
            DocumentSegment(*_read_segment(folder, "documents", manifest.files)),
            {
                name.removeprefix(LEARNED): (folder / name).read_bytes()
                for name in manifest.files
                if name.startswith(LEARNED)
            },
        )
    except (OSError, ValueError, RuntimeError) as error:  # FAISS tells everything as a RuntimeError
        raise CorruptGeneration(f"a file can't be read: {error}") from error


def remove_leftovers(root: Path, known: Iterable[str]) -> list[str]:
    """Delete folders that no published generation owns (a crash's leftovers); returns their names."""
    keep = set(known)
    gone = [path.name for path in root.iterdir() if path.name not in keep] if root.is_dir() else []
    for name in gone:
        shutil.rmtree(root / name, ignore_errors=True)
    return gone
