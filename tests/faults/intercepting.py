"""System calls of another process, held one by one and let through or refused.

By seccomp's user notifications: the kernel itself asks, before it does a call, and gives back the error
that it is told. So a failure comes from where a disk's would, in whatever code it hits: Python's, SQLite's.
Nothing is compiled and no privilege is needed; Linux on x86-64 and ARM only.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

NUMBERS: dict[str, dict[str, dict[int, int | None]]] = {
    "x86_64": {
        "write": {1: None, 18: None, 20: None, 296: None, 328: None},
        "sync": {74: None, 75: None},
        "rename": {82: 0, 264: 1, 316: 1},
        "open": {2: 0, 85: 0, 257: 1},
        "make": {83: 0, 258: 1},
        "resize": {76: 0, 77: None, 285: None},
    },
    "aarch64": {
        "write": {64: None, 66: None, 68: None, 70: None},
        "sync": {82: None, 83: None},
        "rename": {38: 1, 276: 1},
        "open": {56: 1},
        "make": {34: 1},
        "resize": {45: 0, 46: None, 47: None},
    },
}
"""By machine and kind: the calls' numbers, and which argument is the path; None: the first, an open file."""

ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SECCOMP = {"x86_64": 317, "aarch64": 277}
NO_NEW_PRIVILEGES, FILTER, NEW_LISTENER = 38, 1, 8
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ASK, CONTINUE = 0x7FFF0000, 0x7FC00000, 1
RECEIVE, ANSWER = 0xC0502100, 0xC0182101
PAGE = 4096

Plan = Callable[[str, Path], int]
"""For a kind of call and the file that it is about: the error to refuse it with, 0 to let it through."""


def can_intercept() -> bool:
    """Whether this machine has what it takes."""
    return platform.system() == "Linux" and platform.machine() in NUMBERS


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("yes", ctypes.c_ubyte),
        ("no", ctypes.c_ubyte),
        ("value", ctypes.c_uint),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("first", ctypes.POINTER(_Instruction)))


def submit() -> int:
    """From now on whoever holds the returned listener decides about this process's calls, for good."""
    machine = platform.machine()
    numbers = [number for kind in NUMBERS[machine].values() for number in kind]
    code = [(LOAD, 0, 0, 4), (EQUAL, 0, len(numbers) + 1, ARCHES[machine]), (LOAD, 0, 0, 0)]
    code += [(EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    code += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, ASK)]
    program = _Program(len(code), (_Instruction * len(code))(*(_Instruction(*one) for one in code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this process can't renounce privileges")
    listener: int = libc.syscall(SECCOMP[machine], FILTER, NEW_LISTENER, ctypes.byref(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "the kernel takes no filter of system calls")
    return listener


@dataclass(slots=True)
class Failing:
    """Refuses the n-th call of one kind, counted from 1, and all after it for a while; 0 only counts."""

    kind: str
    place: int = 0
    error: int = errno.EIO
    lasts_s: float = 0.0
    seen: int = 0
    since: float = 0.0
    refused: list[str] = field(default_factory=list)

    def __call__(self, kind: str, path: Path) -> int:
        if kind != self.kind:
            return 0
        self.seen += 1
        if not 0 < self.place <= self.seen:
            return 0
        self.since = self.since or time.monotonic()
        if self.seen > self.place and time.monotonic() - self.since > self.lasts_s:
            return 0
        self.refused.append(path.name)
        return self.error


def nothing_fails(kind: str, path: Path) -> int:  # noqa: ARG001
    """The plan of a sound disk."""
    return 0


class Interceptor:
    """Decides, in a thread, about what a submitted process does to files below a folder."""

    def __init__(self, listener: int, folder: Path) -> None:
        self.plan: Plan = nothing_fails
        self._listener = listener
        self._folder = folder.resolve()
        self._known = {
            number: (kind, path)
            for kind, numbers in NUMBERS[platform.machine()].items()
            for number, path in numbers.items()
        }
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            asked = bytearray(80)
            try:
                fcntl.ioctl(self._listener, RECEIVE, asked)
                id, process, _, number, _, _, *arguments = struct.unpack("QIIiIQ6Q", asked)
                refusal = self._decide(process, number, arguments)
                told = struct.pack("QqiI", id, 0, -refusal, 0 if refusal else CONTINUE)
                fcntl.ioctl(self._listener, ANSWER, bytearray(told))
            except OSError as error:
                if error.errno == errno.ENOENT and self._ended():
                    os.close(self._listener)
                    return
                if error.errno not in (errno.ENOENT, errno.EINTR, errno.EINPROGRESS):
                    raise

    def _ended(self) -> bool:
        """Whether no process is left to decide about; else only the one that asked is gone."""
        import select

        watch = select.poll()
        watch.register(self._listener, select.POLLIN)
        return any(event & select.POLLHUP for _, event in watch.poll(0))

    def _decide(self, process: int, number: int, arguments: list[int]) -> int:
        kind, place = self._known[number]
        path = _opened(process, arguments[0]) if place is None else _named(process, arguments, place)
        return self.plan(kind, path) if path is not None and self._folder in path.parents else 0


def _opened(process: int, file: int) -> Path | None:
    """What an open file is."""
    try:
        return Path(f"/proc/{process}/fd/{file & 0xFFFFFFFF}").readlink()
    except OSError:
        return None


def _named(process: int, arguments: list[int], place: int) -> Path | None:
    """The path that is in the process's memory at an address, from the folder that it starts from."""
    address, name = arguments[place], b""
    try:
        with Path(f"/proc/{process}/mem").open("rb", 0) as memory:
            while b"\0" not in name and len(name) < PAGE:
                at = address + len(name)
                name += os.pread(memory.fileno(), PAGE - at % PAGE, at) or b"\0"
        from_folder = ctypes.c_int(arguments[0] & 0xFFFFFFFF).value if place else -100
        here = "cwd" if from_folder == -100 else f"fd/{from_folder}"
        start = Path(f"/proc/{process}/{here}").readlink()
    except OSError:
        return None
    return start / os.fsdecode(name.partition(b"\0")[0])
