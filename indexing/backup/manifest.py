"""What a backup says of itself, in its first member: collections, members, sizes, checksums.

A backup is a plain tar archive, gzipped where its name ends so:

    manifest.json        this
    1/records.ndjson     the first collection's records by sequence, then what was deleted
    1/vectors.bin        a text's hash (16 bytes) and its vector (little-endian float32), over and over
    1/generation/…       the files of the generation it serves
    2/…                  the next collection
    checksum             BLAKE2b of every byte before this member
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import from_json, to_json

from indexing.errors import CorruptGeneration, InvalidInput
from indexing.generations import Manifest
from indexing.parsing import describe
from indexing.records import COLLECTION_NAME
from indexing.settings import CollectionSettings

FORMAT = 1
MANIFEST, CHECKSUM = "manifest.json", "checksum"
RECORDS, VECTORS, GENERATION = "records.ndjson", "vectors.bin", "generation/"
MAX_MANIFEST = 16 << 20
KEY = 16
"""Bytes of a text's hash."""

FILE_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+){2,3}", re.ASCII)
GENERATION_ID = re.compile(r"[0-9a-f-]{1,64}", re.ASCII)

Count = Annotated[int, Field(ge=0, lt=1 << 62)]
Time = Annotated[float, Field(ge=0, lt=253_402_300_800)]
"""Seconds since the epoch, until the year 9999: what can be shown as a date."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Member(_Strict):
    """One file of the archive."""

    name: str
    size: Count
    blake2b: Digest


class SavedEmbedder(_Strict):
    """Whose vectors are saved. `dimension` is 0 where there are none."""

    name: str
    fingerprint: str
    dimension: Annotated[int, Field(ge=0, le=1 << 20)]


class _File(_Strict):
    size: Count
    blake2b: Digest


class _Generation(_Strict):
    """The shape of a generation's manifest; what it means is `Manifest`'s to say."""

    format: int
    id: str
    sequence: Count
    settings: dict[str, Any]
    embedder: str
    counts: dict[str, Count]
    files: dict[str, _File]


class SavedCollection(_Strict):
    """One collection as it stood when its last change was `sequence`."""

    name: Annotated[str, StringConstraints(pattern=COLLECTION_NAME, max_length=64)]
    settings: dict[str, Any]
    sequence: Count
    created_at: Time
    trajectories: Count
    documents: Count
    deletions: Count
    texts: Count
    embedder: SavedEmbedder | None
    generation: dict[str, Any] | None

    def served(self) -> Manifest | None:
        """The manifest of the saved generation; raises InvalidInput for one that can't be."""
        if self.generation is None:
            return None
        told = f"the generation of {self.name!r}"
        try:
            _Generation.model_validate(self.generation)
            manifest = Manifest.from_fields(self.generation)
        except ValidationError as error:
            raise InvalidInput(f"{told}: {describe(error)}", "generation") from None
        except CorruptGeneration as error:
            raise InvalidInput(f"{told}: {error}", "generation") from error
        if not all(FILE_NAME.fullmatch(name) for name in manifest.files):
            raise InvalidInput(f"{told} names a file as none is called", "files")
        if not GENERATION_ID.fullmatch(manifest.id):
            raise InvalidInput(f"{told} has an id as none is called", "id")
        if CollectionSettings().updated(manifest.settings.to_fields()) != manifest.settings:
            raise InvalidInput(f"{told} was built with settings that can't be", "settings")
        whose = self.embedder and (self.embedder.name, self.embedder.fingerprint)
        if whose != (manifest.settings.embedder, manifest.embedder):
            raise InvalidInput(f"{told} is of another model than its vectors", "embedder")
        return manifest

    def members(self, number: int) -> Iterator[str]:
        """The names of its files in the archive, in their order there."""
        yield f"{number}/{RECORDS}"
        yield f"{number}/{VECTORS}"
        served = self.served()
        for name in sorted(served.files) if served else ():
            yield f"{number}/{GENERATION}{name}"


class BackupManifest(_Strict):
    """The whole archive, told before the first of its files comes."""

    format: Literal[1] = 1
    written_by: str
    created_at: Time
    collections: Annotated[list[SavedCollection], Field(min_length=1, max_length=100_000)]
    members: list[Member]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(member.size for member in self.members)

    def to_bytes(self) -> bytes:
        return to_json(self.model_dump(), indent=1) + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> BackupManifest:
        """Inverse of `to_bytes`; raises InvalidInput for what doesn't hold together."""
        try:
            fields = from_json(content, allow_inf_nan=False)
        except ValueError as error:
            raise InvalidInput(f"{MANIFEST} isn't JSON: {error}", MANIFEST) from None
        if isinstance(fields, dict) and fields.get("format") != FORMAT:
            raise InvalidInput(
                f"a snapshot of format {str(fields.get('format'))[:20]!r}, not {FORMAT}: "
                "restore it with the version that wrote it, then export",
                "format",
            )
        try:
            manifest = cls.model_validate(fields)
        except ValidationError as error:
            raise InvalidInput(f"{MANIFEST}: {describe(error)}", MANIFEST) from None
        named = [member.name for member in manifest.members]
        expected = [name for at, one in enumerate(manifest.collections, 1) for name in one.members(at)]
        if named != expected:
            raise InvalidInput(f"{MANIFEST} names other files than its collections have", "members")
        names = [one.name for one in manifest.collections]
        if len(set(names)) < len(names):
            raise InvalidInput(f"{MANIFEST} names a collection twice", "collections")
        return manifest
