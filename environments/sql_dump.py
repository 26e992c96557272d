"""MySQL's dumps read into SQLite: tables with their keys, and rows.

A column keeps MySQL's name of its type, which SQLite takes as it comes, `AUTO_INCREMENT` with it.
Text compares without case, as it does under the dump's collation.
"""

from __future__ import annotations

import re
import sqlite3

DATABASE = re.compile(r"^USE `([^`]+)`;$", re.MULTILINE)
TABLE = re.compile(r"^CREATE TABLE `([^`]+)` \(\n(.*?)\n\)[^\n]*;$", re.MULTILINE | re.DOTALL)
ROWS = re.compile(r"^INSERT INTO `([^`]+)` VALUES (.*);$", re.MULTILINE)
TEXT = re.compile(r"'((?:[^'\\]|\\.|'')*)'", re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPES = {"0": "", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
COLUMN = re.compile(r"`([^`]+)` (\w+(?:\([\d,]+\))?)(.*)")
KEY = re.compile(r"(PRIMARY KEY|UNIQUE KEY|CONSTRAINT).*?(\(.*)")
IN_TEXTS = re.compile(r"(?:var)?char|text")


def split(dump: str) -> dict[str, str]:
    """The part of a dump that makes each database."""
    parts = DATABASE.split(dump)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def load(part: str, connection: sqlite3.Connection) -> None:
    """Make the tables of one database's part of a dump, and fill them."""
    for name, body in TABLE.findall(part):
        lines = [converted for line in body.splitlines() if (converted := _converted(line.strip(" ,")))]
        connection.execute(f'CREATE TABLE "{name}" ({", ".join(lines)})')
    for name, values in ROWS.findall(part):
        connection.execute(f'INSERT INTO "{name}" VALUES {TEXT.sub(_text, values)}')
    connection.commit()


def _converted(line: str) -> str | None:
    """One line of a table's definition; indexes, which change nothing that is seen, are left out."""
    column = COLUMN.match(line)
    if column:
        name, kind, rest = column.groups()
        counts = " AUTO_INCREMENT" if "AUTO_INCREMENT" in rest else ""
        collates = " COLLATE NOCASE" if IN_TEXTS.match(kind) else ""
        needed = " NOT NULL" if "NOT NULL" in rest else ""
        default = re.search(r" DEFAULT ('(?:[^']|'')*'|\S+)", rest)
        return f'"{name}" {kind}{counts}{collates}{needed}{default[0] if default else ""}'
    key = KEY.match(line)
    if not key:
        return None
    kind = {"CONSTRAINT": "FOREIGN KEY", "UNIQUE KEY": "UNIQUE"}.get(key[1], key[1])
    return f"{kind} {re.sub(r'`[(][0-9]+[)]', '`', key[2])}"


def _text(literal: re.Match[str]) -> str:
    text = ESCAPE.sub(lambda escape: ESCAPES.get(escape[1], escape[1]), literal[1].replace("''", "'"))
    return "'" + text.replace("'", "''") + "'"
