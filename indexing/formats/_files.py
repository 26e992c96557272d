"""Walking what a person points an importer at: a file, a folder or an archive, member by member.

Nothing is extracted to disk, one member is in memory at a time, and a member that unpacks to more
than `MAX_MEMBER_BYTES` is refused. Folders and zip files are read in the order of their names, tar
files in their own order.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from indexing.errors import InvalidInput
from indexing.formats import ImportReport

MAX_MEMBER_BYTES = 256 * 1024 * 1024
"""Largest member, decompressed, that is read."""

OTHER_FILE = "another kind of file"
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")
DAMAGED = (EOFError, gzip.BadGzipFile, tarfile.TarError, zipfile.BadZipFile, zlib.error, NotImplementedError)


def iter_files(
    path: Path,
    suffixes: tuple[str, ...],
    report: ImportReport,
    *,
    max_bytes: int | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files with these suffixes (".json") at or under `path`.

    A name is relative to the folder or archive given (an archive inside a folder counts as a
    folder), uses "/", and has lost its ".gz": the same data has the same names however it is
    packed. Files of another kind are counted in `report`, hidden ones are passed over.

    Raises
    ------
    InvalidInput
        When the path is missing, an archive is damaged, or a member is over the limit
        (`max_bytes`, default `MAX_MEMBER_BYTES`).
    """
    limit = MAX_MEMBER_BYTES if max_bytes is None else max_bytes
    if not path.exists():
        raise InvalidInput(f"{path}: no such file or folder", "path")
    found = _from_folder(path) if path.is_dir() else _from_file(path, "")
    for name, stream in found:
        plain = name.removesuffix(".gz")
        if any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts):
            continue
        if not plain.lower().endswith(suffixes):
            report.skip(OTHER_FILE)
            continue
        with _told(path, name):
            yield plain, _unpacked(stream, name, limit)


def place(path: Path, name: str, depth: int) -> tuple[str, ...]:
    """The last `depth` parts of where a file lies: the folders above it and its own name.

    Inside an archive only the archive's own folders count; on disk also those above `path`.
    """
    inside = PurePosixPath(name).parts
    if path.is_dir():
        inside = (*path.resolve().parts[1:], *inside)
    elif not path.name.lower().endswith((*TAR_SUFFIXES, ".zip")):
        inside = (*path.resolve().parts[1:-1], *inside)
    return inside[-depth:]


def _from_folder(folder: Path) -> Iterator[tuple[str, IO[bytes]]]:
    files = [Path(root) / name for root, _, names in os.walk(folder) for name in names]
    for file in sorted(files, key=lambda file: file.relative_to(folder).parts):
        if file.is_file():
            yield from _from_file(file, file.relative_to(folder).as_posix())


def _from_file(file: Path, name: str) -> Iterator[tuple[str, IO[bytes]]]:
    prefix = f"{name}/" if name else ""
    lowered = file.name.lower()
    if lowered.endswith(TAR_SUFFIXES):
        members = _from_tar(file)
    elif lowered.endswith(".zip"):
        members = _from_zip(file)
    else:
        with _told(file, file.name), file.open("rb") as content:
            yield _clean(name or file.name), content
        return
    for member, stream in members:
        yield prefix + _clean(member), stream


def _from_tar(file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with _told(file, file.name), tarfile.open(file, "r|*") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None:
                yield member.name, stream


def _from_zip(file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with _told(file, file.name), zipfile.ZipFile(file) as archive:
        for member in sorted(archive.infolist(), key=lambda member: member.filename):
            if member.flag_bits & 1:
                raise InvalidInput(f"{file}: {member.filename} is encrypted; unpack it first", "path")
            if not member.is_dir():
                with archive.open(member) as stream:
                    yield member.filename, stream


def _unpacked(stream: IO[bytes], name: str, limit: int) -> bytes:
    if name.lower().endswith(".gz"):
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    content = stream.read(limit + 1)
    if len(content) > limit:
        raise InvalidInput(f"{name}: larger than {limit} bytes when unpacked; split it", "path")
    return content


def _clean(name: str) -> str:
    """A member's name without "./", and with what isn't UTF-8 in it replaced."""
    return str(PurePosixPath(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")))


@contextmanager
def _told(path: Path, name: str) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise InvalidInput(f"{path}: {name} can't be unpacked: {error}", "path") from error
    except OSError as error:
        raise InvalidInput(f"{path}: {name} can't be read: {error}", "path") from error
