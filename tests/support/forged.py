"""Snapshots as an enemy would make them: other content, and every checksum right."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from pydantic_core import from_json, to_json

from indexing.backup.archive import END, checksum, header, padding


@dataclass(slots=True)
class Forged:
    """An archive taken apart, to be put together with other content and right checksums."""

    manifest: dict[str, Any]
    files: dict[str, bytes]

    @classmethod
    def of(cls, archive: bytes) -> Forged:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            files = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
        del files["checksum"]
        return cls(from_json(files.pop("manifest.json")), files)

    @property
    def collection(self) -> dict[str, Any]:
        found: dict[str, Any] = self.manifest["collections"][0]
        return found

    def put(self, name: str, content: bytes) -> None:
        self.files[name] = content

    def lines(self, change: Callable[[list[Any]], Any]) -> None:
        """Change the records' lines."""
        values = [from_json(line) for line in self.files["1/records.ndjson"].splitlines()]
        change(values)
        self.put("1/records.ndjson", b"".join(to_json(value) + b"\n" for value in values))

    def index(self, name: str, content: bytes) -> None:
        """Change a file of the generation, and what its manifest says of it."""
        self.put(f"1/generation/{name}", content)
        facts = {"size": len(content), "blake2b": blake2b(content, digest_size=16).hexdigest()}
        self.collection["generation"]["files"][name] = facts

    def packed(self) -> bytes:
        for member in self.manifest["members"]:
            content = self.files[member["name"]]
            digest = checksum()
            digest.update(content)
            member |= {"size": len(content), "blake2b": digest.hexdigest()}
        told = to_json(self.manifest)
        parts = [
            ("manifest.json", told),
            *((m["name"], self.files[m["name"]]) for m in self.manifest["members"]),
        ]
        content = b"".join(header(name, len(data)) + data + padding(len(data)) for name, data in parts)
        whole = blake2b(content, digest_size=32).hexdigest().encode() + b"\n"
        return content + header("checksum", len(whole)) + whole + padding(len(whole)) + END
