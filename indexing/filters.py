"""Filters over records: `{"site": "gitlab", "outcome.success": true, "cost": {"lte": 5}}`.

A key is a dotted path into `metadata`, or one of `outcome.*`, `source.*`. A value is a scalar
(equals), a list (any of), or `{"gte": …, "lte": …}` over numbers or over texts. A stored list
matches by any of its items. null matches what is absent or null. Numbers compare as numbers
(1 equals 1.0) and are never booleans.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InvalidFilter
from indexing.records import JSON, Record, Trajectory

Scalar: TypeAlias = str | int | float | bool | None
Attribute: TypeAlias = tuple[str, Scalar]
"""A dotted path and one scalar found there."""

MAX_CONDITIONS = 64
MAX_ALTERNATIVES = 1_000


def flatten(value: JSON, path: str) -> Iterator[Attribute]:
    """Every scalar in a JSON value with its dotted path; the items of a list share their list's path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from flatten(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from flatten(item, path)
    elif value is not None:
        yield path, value


def attributes(record: Record) -> tuple[Attribute, ...]:
    """What can be filtered on in a record, each pair once."""
    found = dict.fromkeys(
        (path, _key(value), value)
        for path, value in flatten(record.metadata or {}, "")
        if not path.startswith(("outcome.", "source."))
    )
    if isinstance(record, Trajectory):
        for name, part in (("outcome", record.outcome), ("source", record.source)):
            found |= dict.fromkeys((path, _key(value), value) for path, value in flatten(part or {}, name))
    return tuple((path, value) for path, _, value in found)


def _key(value: Scalar) -> tuple[str, Scalar]:
    """A scalar's kind and value, so that true, 1 and "1" differ and 1 equals 1.0."""
    if isinstance(value, bool):
        return "boolean", value
    return ("text" if isinstance(value, str) else "null" if value is None else "number"), value


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The value at `path` is one of `keys`."""

    path: str
    keys: frozenset[tuple[str, Scalar]]

    def holds(self, kind: str, value: Scalar) -> bool:
        return (kind, value) in self.keys


@dataclass(frozen=True, slots=True)
class Between:
    """The value at `path` is of the bounds' kind and within them; a bound of None is open."""

    path: str
    kind: str
    low: float | str | None
    high: float | str | None

    def holds(self, kind: str, value: Scalar) -> bool:
        if kind != self.kind:
            return False
        above = self.low is None or value >= self.low  # type: ignore[operator]
        return above and (self.high is None or value <= self.high)  # type: ignore[operator]


Condition: TypeAlias = AnyOf | Between
Filter: TypeAlias = tuple[Condition, ...]
"""Conditions that must all hold."""


def parse_filter(fields: Mapping[str, JSON] | None) -> Filter:
    """A filter from its JSON form; raises InvalidFilter with the key to blame and what to do."""
    if not fields:
        return ()
    if len(fields) > MAX_CONDITIONS:
        raise InvalidFilter(f"a filter has at most {MAX_CONDITIONS} keys", "filter")
    return tuple(_condition(path, value) for path, value in sorted(fields.items()))


def _condition(path: str, value: JSON) -> Condition:
    if isinstance(value, Mapping):
        return _between(path, value)
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_ALTERNATIVES:
        raise InvalidFilter(f"a list has at most {MAX_ALTERNATIVES} values", f"filter.{path}")
    if any(isinstance(item, (list, Mapping)) for item in values):
        raise InvalidFilter(
            'a value is a scalar, a list of scalars, or {"gte": …, "lte": …}', f"filter.{path}"
        )
    return AnyOf(path, frozenset(_key(item) for item in values))


def _between(path: str, bounds: Mapping[str, JSON]) -> Between:
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    kinds = {_key(bound)[0] for bound in given.values() if not isinstance(bound, (list, Mapping))}
    odd = any(isinstance(bound, (list, Mapping)) for bound in given.values())
    if odd or not given or set(given) - {"gte", "lte"} or len(kinds) != 1 or kinds & {"boolean"}:
        raise InvalidFilter('a range is {"gte": …, "lte": …} with numbers or with texts', f"filter.{path}")
    return Between(path, kinds.pop(), given.get("gte"), given.get("lte"))


def matches(conditions: Filter, record: Record) -> bool:
    """Whether a record meets a filter: the plain definition that the index is proven against."""
    found = attributes(record)
    return all(
        _meets(condition, [value for path, value in found if path == condition.path])
        for condition in conditions
    )


def _meets(condition: Condition, values: Sequence[Scalar]) -> bool:
    if any(condition.holds(*_key(value)) for value in values):
        return True
    return not values and condition.holds("null", None)


class AttributeIndex:
    """Which records of a segment carry which attribute.

    `table` lists (path, value, first, last): the records are `records[first:last]`, by ordinal.
    """

    def __init__(self, table: Sequence[tuple[str, Scalar, int, int]], records: NDArray[np.int32]) -> None:
        self.table = table
        self.records = records
        self._by_path: dict[str, list[tuple[Scalar, int, int]]] = {}
        self._by_value: dict[tuple[str, tuple[str, Scalar]], tuple[int, int]] = {}
        for path, value, first, last in table:
            self._by_path.setdefault(path, []).append((value, first, last))
            self._by_value[path, _key(value)] = (first, last)

    @classmethod
    def build(cls, found: Sequence[tuple[Attribute, ...]]) -> AttributeIndex:
        """Index the attributes of records 0, 1, 2, …"""
        postings: dict[tuple[str, tuple[str, Scalar]], list[int]] = {}
        for ordinal, pairs in enumerate(found):
            for path, value in pairs:
                postings.setdefault((path, _key(value)), []).append(ordinal)
        table, first = [], 0
        for (path, (_, value)), ordinals in postings.items():
            table.append((path, value, first, first + len(ordinals)))
            first += len(ordinals)
        records = np.fromiter(
            (ordinal for ordinals in postings.values() for ordinal in ordinals), np.int32, first
        )
        return cls(table, records)

    def select(self, conditions: Filter, size: int) -> NDArray[np.bool_]:
        """Mask (size,) of the records that meet every condition."""
        mask = np.ones(size, bool)
        for condition in conditions:
            mask &= self._meet(condition, size)
        return mask

    def _meet(self, condition: Condition, size: int) -> NDArray[np.bool_]:
        mask = np.zeros(size, bool)
        if isinstance(condition, AnyOf):
            spans = [
                self._by_value[condition.path, key]
                for key in condition.keys
                if (condition.path, key) in self._by_value
            ]
        else:
            rows = self._by_path.get(condition.path, [])
            spans = [(first, last) for value, first, last in rows if condition.holds(*_key(value))]
        for first, last in spans:
            mask[self.records[first:last]] = True
        if condition.holds("null", None):
            absent = np.ones(size, bool)
            for _, first, last in self._by_path.get(condition.path, []):
                absent[self.records[first:last]] = False
            mask |= absent
        return mask
