"""What an agent reads of a database, in the words of InterCode's MySQL: rows, tables, errors."""

from __future__ import annotations

import datetime
import re
from dataclasses import astuple

from environments.sql_databases import Database, Refused, Rows

WRAPPED = re.compile(r"execute\[(.*)\]", re.DOTALL)
SHOW_TABLES = re.compile(r"show\s+tables", re.IGNORECASE)
SHOW_COLUMNS = re.compile(
    r"(?:desc|describe|explain|show\s+columns\s+(?:from|in))\s+[`\"]?(\w+)[`\"]?", re.IGNORECASE
)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
NOT_SQL = "Your last `execute` action did not contain sql code"
SYNTAX = (
    "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version "
    "for the right syntax to use near '{rest}' at line {line}"
)
CLAUSES = {
    "select": "field list",
    "from": "field list",
    "join": "field list",
    "on": "on clause",
    "where": "where clause",
    "group": "group statement",
    "having": "having clause",
    "order": "order clause",
}
CLAUSE = re.compile(rf"\b({'|'.join(CLAUSES)})\b", re.IGNORECASE)
NEAR = re.compile(r'near "(.*)": syntax error|unrecognized token: "(.*)"', re.DOTALL)
QUOTED = 80
"""Characters of a statement that MySQL repeats in an error."""


def statement(action: str) -> str:
    """The SQL of an action, which may be wrapped as `execute[…]`. Raises Refused."""
    text = action.strip()
    if text.startswith("execute["):
        wrapped = WRAPPED.fullmatch(text)
        if not wrapped:
            raise Refused(NOT_SQL)
        text = wrapped[1]
    return text.strip().rstrip(";").strip()


def answer(database: Database, name: str, query: str) -> Rows:
    """The rows that answer a query, SHOW TABLES and DESCRIBE among them. Raises Refused, in MySQL's words."""
    if SHOW_TABLES.fullmatch(query):
        return sorted((table.lower(),) for table in database.tables)
    described = SHOW_COLUMNS.fullmatch(query)
    if described:
        for table, columns in database.tables.items():
            if table.lower() == described[1].lower():
                return [astuple(column) for column in columns]
        raise Refused(_missing(described[1], name))
    # SQLite knows the one database by no name.
    own = rf"('[^']*'|\"[^\"]*\")|(?<![\w.`]){re.escape(name)}\.(?=\w)"
    query = re.sub(own, lambda found: found[1] or "", query, flags=re.IGNORECASE)
    try:
        return database.ask(query)
    except Refused as refusal:
        raise Refused(reworded(str(refusal), query, name)) from None


def shown(rows: Rows) -> str:
    """Rows as MySQL's client prints them for Python."""
    return str([tuple(_value(value) for value in row) for row in rows])


def _value(value: object) -> object:
    if isinstance(value, str) and MOMENT.fullmatch(value):
        try:
            return datetime.datetime.fromisoformat(value)
        except ValueError:
            return value
    return value


def reworded(message: str, query: str, database: str) -> str:
    """What SQLite complains of as MySQL says it, as near as can be told; else SQLite's own words."""
    kind, _, about = message.partition(": ")
    match kind:
        case "no such table":
            return _missing(about, database)
        case "no such column":
            return f"Unknown column '{about}' in '{clause(query, about)}'"
        case "ambiguous column name":
            return f"Column '{about}' in {clause(query, about)} is ambiguous"
        case "no such function":
            return f"FUNCTION {database}.{about} does not exist"
        case "incomplete input":
            return SYNTAX.format(rest="", line=query.count("\n") + 1)
    if kind.startswith("misuse of aggregate"):
        return "Invalid use of group function"
    if columns := re.fullmatch(r"sub-select returns \d+ columns - expected (\d+)", message):
        return f"Operand should contain {columns[1]} column(s)"
    if near := NEAR.fullmatch(message):
        start = max(query.find(near[1] or near[2]), 0)
        return SYNTAX.format(rest=query[start : start + QUOTED], line=query.count("\n", 0, start) + 1)
    return message


def _missing(table: str, database: str) -> str:
    schema, _, name = table.rpartition(".")
    if schema and schema.lower() != database.lower():
        return f"Unknown database '{schema.lower()}'"
    return f"Table '{database.lower()}.{name.lower()}' doesn't exist"


def clause(query: str, column: str) -> str:
    """MySQL's name of the clause in which a column is first named."""
    found = re.search(rf"(?<![\w.]){re.escape(column)}(?!\w)", query, re.IGNORECASE)
    before = CLAUSE.findall(query[: found.start()] if found else query)
    return CLAUSES[before[-1].lower()] if before else "field list"
