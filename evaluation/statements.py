"""SQL statements of other databases put into the words of the present one, so that an agent may try them.

No model: an identifier becomes the table or column whose name is most like it, or most like what our
question has in its place; a value becomes the one of our question that stands in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from evaluation.agents import Advice, Propose, ours
from retrievers.situation import Situation
from retrievers.slots import plain

Schema = Mapping[str, Sequence[str]]
"""Columns by table."""

KEYWORDS = {
    "all", "and", "as", "asc", "avg", "between", "by", "case", "cast", "count", "desc", "describe",
    "distinct", "else", "end", "except", "execute", "exists", "from", "group", "having", "in", "inner",
    "intersect", "is", "join", "left", "like", "limit", "lower", "max", "min", "not", "null", "on", "or",
    "order", "outer", "right", "round", "select", "show", "submit", "sum", "tables", "then", "union",
    "upper", "using", "when", "where",
}  # fmt: skip
TOKEN = re.compile(r"(?P<value>'[^']*'|\"[^\"]*\"|\b\d+(?:\.\d+)?\b)|(?P<name>[A-Za-z_]\w*)|(?P<other>\W)")
VALUE = re.compile(r"'([^']+)'|\"([^\"]+)\"|\b(\d+(?:\.\d+)?)\b|(?<=\s)([A-Z][\w.]*(?:\s+[A-Z][\w.]*)*)")
ALIAS = re.compile(r"t\d+", re.IGNORECASE)
NEW_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
SAID = 0.3
"""What it is worth that our question names a table or a column."""


def proposer(schema: Schema) -> Propose:
    """Proposes what the demonstrations did in the words of this schema, less what was tried already."""

    def propose(situation: Situation, advised: Sequence[Advice]) -> list[str]:
        tried = {step.action for step in situation.history}
        found = dict.fromkeys(put(advice, situation, schema) for advice in advised)
        return [statement for statement in found if statement not in tried]

    return propose


def put(advice: Advice, situation: Situation, schema: Schema) -> str:
    """The advised statement in the words of the present database and question."""
    values = _values(situation.instruction or "", _values(advice.instruction))
    said = plain(situation.instruction or "")
    tables: dict[str, str] = {}
    after, parts = "", []
    tokens = list(TOKEN.finditer(advice.action))
    for found in tokens:
        if found["name"] and after in {"from", "join"}:
            tables.setdefault(
                found["name"].lower(), _most_like(found["name"], list(schema), advice, situation)
            )
        if found["name"]:
            after = found["name"].lower()
    columns = list(dict.fromkeys(one for table in tables.values() for one in schema[table])) or [
        one for found_columns in schema.values() for one in found_columns
    ]
    for found in tokens:
        text, name = found[0], (found["name"] or "").lower()
        if found["value"]:
            parts.append(values.get(text.strip("'\"").lower(), text))
        elif not name or name in KEYWORDS or ALIAS.fullmatch(name):
            parts.append(text)
        elif name in tables:
            parts.append(tables[name])
        else:
            parts.append(_most_like(text, columns, advice, situation, said))
    return "".join(parts)


def _values(question: str, theirs: Mapping[str, str] | None = None) -> dict[str, str]:
    """The values that a question names; with `theirs`, each of those with ours that stands in its place."""
    found = []
    for match in VALUE.finditer(question):
        text = next(group for group in match.groups() if group)
        found.append(text if text.replace(".", "").isdigit() else f"'{text}'")
    if theirs is None:
        return {text.strip("'").lower(): text for text in found}
    return dict(zip(theirs, found, strict=False))


def _most_like(
    name: str, known: Sequence[str], advice: Advice, situation: Situation, said: str | None = None
) -> str:
    said = plain(situation.instruction or "") if said is None else said
    meant = ours(Advice(_words(name), "", advice.instruction, ""), Situation(situation.instruction, (), ""))

    def fit(other: str) -> tuple[float, str]:
        words = _words(other)
        named = sum(f" {word}" in said for word in words.split()) / max(len(words.split()), 1)
        return max(_alike(words, meant), 0.9 * _alike(words, _words(name))) + SAID * named, other

    return max(known, key=fit)


def _words(name: str) -> str:
    return plain(NEW_WORD.sub(" ", name)).strip()


def _alike(first: str, second: str) -> float:
    """Dice's coefficient of the letter triples of two names."""
    left, right = ({f"  {text} "[at : at + 3] for at in range(len(text) + 1)} for text in (first, second))
    return 2 * len(left & right) / (len(left) + len(right))
