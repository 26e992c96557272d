"""Everything that can go wrong, as one tree.

PrecedentError                  something the caller is told about, with words that say what to do
├── InvalidInput                what was sent can't be understood or accepted (HTTP 422, exit 2)
│   ├── InvalidRecord           one record (a line, an array's item) is refused; the others stand
│   └── InvalidFilter           a filter that has no meaning
├── NotFound                    no such collection, record, job or generation (404)
├── Conflict                    the present state forbids it, e.g. rollback without a predecessor (409)
├── TooLarge                    a body, record or batch over its limit (413)
├── Overloaded                  a bounded queue is full: try again later (429)
├── DeadlineExceeded            the caller's deadline passed before the work was done (503)
├── MissingExtra                an optional dependency isn't installed; names the extra (503)
├── EmbedderMismatch            the vectors of a generation are another model's (409)
├── ModelFileChanged            the packaged weights aren't the pinned ones (503)
├── EmbeddingFailed             the embedder broke down over a text; it is tried again (503)
├── CheckFailed                 a new generation isn't what its records say: it isn't served (503)
├── CorruptGeneration           a file of a generation fails its checksum: refused, rebuilt (503)
├── StorageFull                 no room on the disk; reads go on (507)
└── StorageFailed               the disk or the file system refused to read or to write (503)

Two live where they arise: `retrievers.language_model.ModelUnavailable`, which never reaches a caller
because a template writes instead, and `service.job_runner.Cancelled`.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class PrecedentError(Exception):
    """Base of all errors that are told to the caller; the message says what to do."""


class InvalidInput(PrecedentError):
    """The input can't be accepted. `field` is its dotted path, where one is to blame."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@contextmanager
def refused_as_input(fault: type[Exception], field: str) -> Iterator[None]:
    """A fault of what was asked for, told as InvalidInput: by the fault's own `field`, else by this one."""
    try:
        yield
    except fault as error:
        raise InvalidInput(str(error), getattr(error, "field", field)) from error


class InvalidRecord(InvalidInput):
    """One record is refused; the rest of its batch stands."""


class InvalidFilter(InvalidInput):
    """A filter that has no meaning."""


class NotFound(PrecedentError):
    """No such collection, record, job or generation."""


class Conflict(PrecedentError):
    """The present state forbids what was asked."""


class TooLarge(PrecedentError):
    """A body, record or batch is over its limit."""


class Overloaded(PrecedentError):
    """A bounded queue is full."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DeadlineExceeded(PrecedentError):
    """The caller's deadline passed first."""


class MissingExtra(PrecedentError):
    """An optional dependency isn't installed; the message names the extra."""


class EmbedderMismatch(PrecedentError):
    """The vectors of a generation were made by another model."""


class ModelFileChanged(PrecedentError):
    """The packaged weights aren't the pinned ones."""


class EmbeddingFailed(PrecedentError):
    """The embedder broke down over a text; what was to be indexed is tried again."""


class CheckFailed(PrecedentError):
    """A generation that was just built doesn't hold or find what its records say; it isn't served."""


class CorruptGeneration(PrecedentError):
    """A file of a generation is missing, cut or changed."""


class StorageFull(PrecedentError):
    """No room on the disk."""


class StorageFailed(PrecedentError):
    """The disk, or the file system, refused to read or to write."""


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def told_of_disk(doing: str) -> Iterator[None]:
    """What the system refuses a file, told as StorageFull or StorageFailed; `doing` says what for."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull(f"{doing}: the disk is full: make room and try again") from error
        raise StorageFailed(
            f"{doing}: {error.strerror or error}; look at the disk, then try again"
        ) from error
