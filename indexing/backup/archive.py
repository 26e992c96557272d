"""The archive of a backup, byte by byte: plain files one after the other in a tar, nothing else.

The reader takes each header only where it is, to the byte, the one that it expects. So there is no
room for links, devices, absolute names, a second file of one name, more bytes than were announced,
or anything behind the end; and it never holds more than a piece of a file.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from io import BufferedReader
from typing import IO, NoReturn, TypeAlias

from indexing.backup.manifest import CHECKSUM, MANIFEST, MAX_MANIFEST, BackupManifest, Member
from indexing.errors import InvalidInput

Source: TypeAlias = BufferedReader | gzip.GzipFile

BLOCK = 512
PIECE = 1 << 20
END = b"\0" * 2 * BLOCK
GZIP = b"\x1f\x8b"


def checksum() -> blake2b:
    """A checksum of one file."""
    return blake2b(digest_size=16)


def header(name: str, size: int) -> bytes:
    """The block before a file."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT)


def padding(size: int) -> bytes:
    """The zeros behind a file of so many bytes."""
    return b"\0" * (-size % BLOCK)


class ArchiveWriter:
    """Writes an archive; the files in the order, with the sizes and checksums that its manifest says."""

    def __init__(self, stream: IO[bytes], manifest: BackupManifest) -> None:
        self._stream = stream
        self._whole = blake2b(digest_size=32)
        content = manifest.to_bytes()
        self._put(header(MANIFEST, len(content)) + content + padding(len(content)))

    def _put(self, content: bytes) -> None:
        self._whole.update(content)
        self._stream.write(content)

    def add(self, member: Member, pieces: Iterable[bytes], told: Callable[[int], None]) -> None:
        """Write one file; `told` is told how many bytes more are done."""
        self._put(header(member.name, member.size))
        digest, size = checksum(), 0
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            self._put(piece)
            told(len(piece))
        if (size, digest.hexdigest()) != (member.size, member.blake2b):
            raise InvalidInput(f"{member.name} has changed while it was saved; start again", member.name)
        self._put(padding(size))

    def end(self) -> None:
        """Write the checksum of all of it."""
        content = self._whole.hexdigest().encode() + b"\n"
        self._put(header(CHECKSUM, len(content)) + content + padding(len(content)) + END)


class ArchiveReader:
    """Reads an archive from its first byte to its last; whatever is amiss raises InvalidInput."""

    def __init__(self, stream: Source) -> None:
        self._stream = stream
        self._whole = blake2b(digest_size=32)
        block = self._take(BLOCK, "its first block")
        info = _parsed(block)
        if info is None or info.name != MANIFEST or not 0 < info.size <= MAX_MANIFEST:
            raise InvalidInput("no snapshot: it doesn't begin with its manifest", MANIFEST)
        self._expect(block, MANIFEST, info.size)
        content = self._take(info.size, MANIFEST)
        self._skip_padding(info.size, MANIFEST)
        self.manifest = BackupManifest.from_bytes(content)

    def _take(self, size: int, what: str) -> bytes:
        try:
            content = self._stream.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InvalidInput(f"{what} can't be unpacked: {error}", what) from error
        if len(content) < size:
            raise InvalidInput(f"the file ends amid {what}: it was cut off", what)
        self._whole.update(content)
        return content

    def _expect(self, block: bytes, name: str, size: int) -> None:
        if block != header(name, size):
            _tell_strange(block, name, size)

    def _skip_padding(self, size: int, name: str) -> None:
        if any(self._take(-size % BLOCK, name)):
            raise InvalidInput(f"there is more behind {name} than it may have", name)

    def pieces(self, member: Member) -> Iterator[bytes]:
        """The bytes of the next file, which is to be this one; refused at the end if they aren't it."""
        self._expect(self._take(BLOCK, member.name), member.name, member.size)
        digest, left = checksum(), member.size
        while left:
            piece = self._take(min(left, PIECE), member.name)
            digest.update(piece)
            left -= len(piece)
            yield piece
        self._skip_padding(member.size, member.name)
        if digest.hexdigest() != member.blake2b:
            raise InvalidInput(
                f"{member.name} isn't what its checksum says: the file is damaged", member.name
            )

    def end(self) -> None:
        """Hold all that was read against the checksum of the whole; nothing may follow it."""
        content = self._whole.hexdigest().encode() + b"\n"
        self._expect(self._take(BLOCK, CHECKSUM), CHECKSUM, len(content))
        if self._take(len(content), CHECKSUM) != content:
            raise InvalidInput("the snapshot isn't what its checksum says: the file is damaged", CHECKSUM)
        self._skip_padding(len(content), CHECKSUM)
        if self._take(len(END), "its end") != END or self._more():
            raise InvalidInput("there is more in the file than the snapshot", CHECKSUM)

    def _more(self) -> bool:
        try:
            return bool(self._stream.read(1))
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return True


def _parsed(block: bytes) -> tarfile.TarInfo | None:
    try:
        return tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError):
        return None


def _tell_strange(block: bytes, name: str, size: int) -> NoReturn:
    info = _parsed(block)
    if info is None:
        what = "no header is"
    elif info.type != tarfile.REGTYPE:
        what = "no plain file, but a link, a device or the like is"
    elif info.name != name:
        what = f"{info.name[:100]!r} is"
    elif info.size != size:
        what = f"a file of {info.size:,} bytes, not of {size:,}, is"
    else:
        what = "a header of another make is"
    raise InvalidInput(f"{what} where {name} should be: no snapshot, or one that was changed", name)


@contextmanager
def unpacked(stream: BufferedReader) -> Iterator[Source]:
    """The archive in a stream, gzipped or not."""
    if stream.peek(2)[:2] == GZIP:
        with gzip.GzipFile(fileobj=stream, mode="rb") as unzipped:
            yield unzipped
    else:
        yield stream
