"""The SQLite database, looked at without changing it: whole, in WAL mode, of this version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from indexing.store.dialects import WAL_SIZE_LIMIT
from indexing.store.schema import HEAD
from service.doctor.findings import Finding, ok, problem, warning
from service.sizes import readable

ABOUT = "database"
RESTORE = "stop the service and restore the last good copy of the folder"
RIGHTS = "let this user write the folder and all in it; the file itself needs no mending"
OTHERWISE = "leave it as it is; look at the disk, at what else uses the file, and whether it is Precedent's"
LONG_LOG = 4 * WAL_SIZE_LIMIT


def check_database(path: Path) -> Iterator[Finding]:
    """Whether the file is a whole database of this version's schema."""
    if not path.is_file():
        yield warning(
            ABOUT, f"{path} isn't there yet", "start the service or ingest something: it is made then"
        )
        return
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as database:
            yield from _facts(database)
    except sqlite3.Error as error:
        yield problem(ABOUT, f"{path} can't be read: {error}", _mended_by(error))
    log = path.with_name(f"{path.name}-wal")
    if log.is_file() and (size := log.stat().st_size) > LONG_LOG:
        what = f"its log has grown to {readable(size)}: something has been reading for very long"
        yield warning(ABOUT, what, "restart the service; look for a copy or a query that never ends")


def _mended_by(error: sqlite3.Error) -> str:
    """What to do about a file that SQLite refuses: to restore it costs what was written since."""
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return RESTORE
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return RIGHTS
        case _:
            return OTHERWISE


def _facts(database: sqlite3.Connection) -> Iterator[Finding]:
    faults = [row[0] for row in database.execute("PRAGMA quick_check(5)")]
    if faults != ["ok"]:
        yield problem(ABOUT, f"it is damaged: {'; '.join(faults)[:300]}", RESTORE)
        return
    yield ok(ABOUT, "every page is sound")
    (mode,) = database.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        do = "let the service open it: it sets the mode; a copy made by another tool may have lost it"
        yield warning(ABOUT, f"its journal is {mode!r}, not a write-ahead log", do)
    (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    if revision != HEAD:
        what = f"its schema is revision {revision}, this version's is {HEAD}"
        yield problem(ABOUT, what, "copy the folder, then start the service, which migrates an older one")
