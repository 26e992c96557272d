"""What Linux puts around a command: Landlock for files, limits for memory, files and processes.

Landlock is called by number, for no library of Python's own wraps it. Numbers and structures are those
of the kernel's documentation (userspace-api/landlock); its first version (Linux 5.13) is enough.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
import socket
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
BENEATH = 1
READ = 0b1101
"""Execute, read a file, list a folder."""
EVERYTHING = (1 << 13) - 1
WRITE_FILE, READ_FILE = 0b10, 0b100
SET_NO_NEW_PRIVS, SET_CHILD_SUBREAPER = 38, 36
SET_INTERFACE_FLAGS, INTERFACE_UP = 0x8914, 1
DEVICES = ("/dev/full", "/dev/null", "/dev/tty", "/dev/zero")

_libc = ctypes.CDLL(None, use_errno=True)


def file_wall(readable: Iterable[str], writable: Iterable[str]) -> int | None:
    """A wall that lets through what is named, as a descriptor for `stay_within`; None without Landlock."""
    if _libc.syscall(CREATE_RULESET, None, 0, 1) < 1:
        return None
    handled = struct.pack("=Q", EVERYTHING)
    wall = int(_libc.syscall(CREATE_RULESET, handled, len(handled), 0))
    if wall < 0:
        return None
    for rights, names in ((READ, readable), (EVERYTHING, writable), (WRITE_FILE | READ_FILE, DEVICES)):
        for name in names:
            _let_through(wall, name, rights)
    return wall


def _let_through(wall: int, name: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        place = os.open(name, os.O_PATH | os.O_CLOEXEC)
        if not Path(name).is_dir():
            rights &= WRITE_FILE | READ_FILE | 1
        rule = struct.pack("=Qi", rights, place)
        refused = _libc.syscall(ADD_RULE, wall, BENEATH, rule, 0)
        os.close(place)
        if refused:
            raise OSError(ctypes.get_errno(), "Landlock refused a rule", name)


def stay_within(wall: int | None, limits: Mapping[int, int]) -> None:
    """Put this process and its children behind the wall, under limits by `resource`'s numbers."""
    for kind, limit in limits.items():
        resource.setrlimit(kind, (limit, limit))
    _libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if wall is not None and _libc.syscall(RESTRICT_SELF, wall, 0):
        raise OSError(ctypes.get_errno(), "Landlock refused its wall")


def adopt_orphans() -> None:
    """Be the parent of all descendants whose own parent ends, so that none is out of sight."""
    _libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def raise_loopback() -> None:
    """Let a network of one's own reach itself: commands may serve and ask on localhost."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_INTERFACE_FLAGS, struct.pack("16sH14x", b"lo", INTERFACE_UP))


def descendants() -> set[int]:
    """All processes below this one that have not ended."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
                if state not in "ZX":
                    children.setdefault(int(parent), []).append(int(folder.name))
    found, waiting = set[int](), [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting += below
    return found


def threads_of(user: int) -> int:
    """How many threads a user has in sight: the limit on processes counts all of them."""
    count = 0
    for task in Path("/proc").glob("[0-9]*/task"):
        with contextlib.suppress(OSError):
            count += sum(1 for _ in task.iterdir()) if task.stat().st_uid == user else 0
    return count
