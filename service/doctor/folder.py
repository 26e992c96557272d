"""The data folder: that it can be written, has room, lies on a local disk, and files enough may be open."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from service.doctor.findings import Finding, ok, problem, warning
from service.sizes import readable

ABOUT = "data folder"
LITTLE, TOO_LITTLE = 2 << 30, 200 << 20
"""Bytes that should be free, and without which a reindex can't be done at all."""

FEW_FILES = 1_024
OVER_THE_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "glusterfs", "ceph"}
)


def check_folder(folder: Path) -> Iterator[Finding]:
    """Whether a service could live in this folder."""
    if not os.access(folder, os.F_OK, effective_ids=True):
        what = f"{folder} isn't there, or this user may not look where it is"
        yield problem(ABOUT, what, "name another with --data-dir or PRECEDENT_DATA_DIR")
        return
    if not folder.is_dir():
        yield problem(ABOUT, f"{folder} is no folder", "name another with --data-dir or PRECEDENT_DATA_DIR")
        return
    locked = [path for path in _parts(folder) if not os.access(path, _needed(path), effective_ids=True)]
    if locked:
        more = f", nor can {len(locked) - 1} more in it" if len(locked) > 1 else ""
        what = f"{locked[0]} can't be read and written by this user ({os.geteuid()}){more}"
        yield problem(ABOUT, f"{what}: only rights are missing", _rights(folder, locked))
    else:
        yield ok(ABOUT, f"{folder} can be read and written")
    yield _room(shutil.disk_usage(folder).free)
    kind = file_system(folder, Path("/proc/mounts"))
    if kind in OVER_THE_NETWORK:
        what = f"{folder} is on a network file system ({kind}): SQLite's log and the locks don't work there"
        yield problem(ABOUT, what, "stop the service and move the folder to a local disk")
    yield _files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _parts(folder: Path) -> list[Path]:
    """The folder, and what is in it where this user may look."""
    if not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
        return [folder]
    return [folder, *sorted(folder.glob("precedent.db*")), *sorted(folder.glob("collections"))]


def _needed(path: Path) -> int:
    return os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)


def _rights(folder: Path, locked: Sequence[Path]) -> str:
    """What gives this user the rights: of the mount, of its owner, or of another's files."""
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return "its file system is mounted for reading only: mount it for writing"
    user, place = os.geteuid(), shlex.quote(str(folder))
    own = all(path.stat().st_uid == user for path in locked)
    return f"chmod -R u+rwX {place}" if own else f"as root: chown -R {user} {place} && chmod -R u+rwX {place}"


def _room(free: int) -> Finding:
    told = f"{readable(free)} are free"
    do = "make room, or move the folder to a larger disk; a reindex needs the size of the indexes once more"
    if free < TOO_LITTLE:
        return problem(ABOUT, f"only {told}: writes will be refused", do)
    return warning(ABOUT, f"only {told}", do) if free < LITTLE else ok(ABOUT, told)


def _files(limit: int) -> Finding:
    told = f"{limit:,} files may be open at once"
    if limit < FEW_FILES and limit != resource.RLIM_INFINITY:
        do = "raise it: ulimit -n 65536, or LimitNOFILE=65536 in the unit"
        return warning(ABOUT, f"only {told}; each connection takes one", do)
    return ok(ABOUT, told if limit != resource.RLIM_INFINITY else "any number of files may be open")


def file_system(folder: Path, mounts: Path) -> str:
    """The kind of file system that a folder is on, empty where nobody says."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    place = folder.resolve()
    found = [
        (len(point), kind)
        for _, point, kind, *_ in (line.split(" ") for line in lines if line.count(" ") >= 3)
        if place.is_relative_to(point.replace(r"\040", " "))
    ]
    return max(found)[1] if found else ""
