"""The attribute index against the plain definition, and every refusal of a filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from indexing.errors import InvalidFilter
from indexing.filters import (
    MAX_ALTERNATIVES,
    MAX_CONDITIONS,
    AttributeIndex,
    attributes,
    matches,
    parse_filter,
)
from indexing.records import JSON, Document, Step, Trajectory

BIG = 2**80

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(
        [0, 1, -1, 7, BIG, BIG + 1, -BIG, 2**53, 2**53 + 1, 0.0, -0.0, 1.0, 0.5, float(2**53), 1e300]
    ),
    st.sampled_from(["", "0", "1", "true", "null", "gitlab", "GitLab", "é", "e\u0301", "\U0001f600"]),
)
KEYS = st.sampled_from(["site", "a", "b", "a.b", "", "success", "outcome", "outcome.success", "source.kind"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.none() | st.dictionaries(KEYS, VALUES, max_size=4)
PATHS = st.sampled_from(
    [
        "site",
        "a",
        "b",
        "a.b",
        "a.a",
        "a.b.b",
        "",
        "success",
        "outcome",
        "outcome.success",
        "outcome.a",
        "source.kind",
    ]
)
BOUNDS = st.one_of(
    st.sampled_from([0, 1, 0.5, BIG, 2**53 + 1, -1e300]), st.sampled_from(["", "1", "gitlab", "é"])
)
RANGES = st.dictionaries(st.sampled_from(["gte", "lte"]), BOUNDS, min_size=1).filter(
    lambda bounds: len({isinstance(bound, str) for bound in bounds.values()}) == 1
)
FILTERS = st.dictionaries(PATHS, SCALARS | st.lists(SCALARS, max_size=4) | RANGES, max_size=3)


def trajectory(metadata: JSON = None, outcome: JSON = None, source: JSON = None) -> Trajectory:
    return Trajectory("t", "Find it", (Step("o", "a"),), None, source, outcome, metadata)


RECORDS = st.builds(trajectory, OBJECTS, OBJECTS, OBJECTS) | st.builds(
    Document, st.just("d"), st.just(""), st.just("text"), st.none(), OBJECTS
)


def selected(records: Sequence[Trajectory | Document], fields: JSON) -> list[bool]:
    """What the index selects, after its table has gone through JSON as in a generation's file."""
    built = AttributeIndex.build([attributes(record) for record in records])
    table = [tuple(row) for row in from_json(to_json(built.table))]
    loaded = AttributeIndex(table, built.records)
    conditions = parse_filter(fields)
    found: list[bool] = loaded.select(conditions, len(records)).tolist()
    assert found == built.select(conditions, len(records)).tolist()
    return found


@settings(max_examples=250)
@given(st.lists(RECORDS, max_size=6), FILTERS)
@example([trajectory({"a": [True, 1, "1", 1.0]})], {"a": [True]})
@example([trajectory({"a": BIG}), trajectory({"a": BIG + 1})], {"a": {"gte": BIG + 1}})
def test_the_index_selects_what_matches(records: list[Trajectory | Document], fields: JSON) -> None:
    assert selected(records, fields) == [matches(parse_filter(fields), record) for record in records]


@pytest.mark.parametrize(
    ("metadata", "fields", "met"),
    [
        ({"site": "gitlab"}, {"site": "gitlab"}, True),
        ({"site": "gitlab"}, {"site": "GitLab"}, False),
        ({"site": "gitlab"}, {"site": ["reddit", "gitlab"]}, True),
        ({"site": "gitlab"}, {"site": []}, False),
        ({"site": ["gitlab", "reddit"]}, {"site": "reddit"}, True),
        ({"n": 1}, {"n": 1.0}, True),
        ({"n": 1}, {"n": True}, False),
        ({"n": True}, {"n": 1}, False),
        ({"n": True}, {"n": {"gte": 0}}, False),
        ({"n": "1"}, {"n": 1}, False),
        ({"n": BIG}, {"n": BIG}, True),
        ({"n": BIG + 1}, {"n": float(BIG)}, False),
        ({"n": 3}, {"n": {"gte": 3, "lte": 3}}, True),
        ({"n": 3}, {"n": {"gte": 3.5}}, False),
        ({"n": 3}, {"n": {"gte": 1, "lte": None}}, True),
        ({"day": "2024-05-20"}, {"day": {"gte": "2024-05", "lte": "2024-06"}}, True),
        ({"day": 5}, {"day": {"gte": ""}}, False),
        ({"n": [1, 9]}, {"n": {"gte": 5}}, True),
        ({"a": {"b": 1}}, {"a.b": 1}, True),
        ({"a.b": 1}, {"a.b": 1}, True),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a.b": 2}, True),
        ({"site": None}, {"site": None}, True),
        ({}, {"site": None}, True),
        (None, {"site": None}, True),
        ({"site": "x"}, {"site": None}, False),
        ({"site": "x"}, {"site": [None, "x"]}, True),
        ({"site": [None]}, {"site": None}, True),
        ({"site": [None, "x"]}, {"site": None}, False),
        (None, {}, True),
        (None, None, True),
    ],
)
def test_what_a_filter_means(metadata: JSON, fields: JSON, met: bool) -> None:
    record = trajectory(metadata)
    assert matches(parse_filter(fields), record) is met
    assert selected([record], fields) == [met]


def test_outcome_and_source_are_the_records_own_and_not_metadata() -> None:
    told = trajectory(metadata={"outcome": {"success": True}}, outcome={"success": False})
    assert selected([told], {"outcome.success": True}) == [False]
    assert selected([told], {"outcome.success": False}) == [True]
    assert selected([trajectory(source={"span": [0, 4]})], {"source.span": 4}) == [True]


@pytest.mark.parametrize(
    ("fields", "blamed", "told"),
    [
        ({"a": {}}, "filter.a", 'a range is {"gte"'),
        ({"a": {"gte": None}}, "filter.a", 'a range is {"gte"'),
        ({"a": {"gt": 1}}, "filter.a", 'a range is {"gte"'),
        ({"a": {"gte": 1, "lte": "2"}}, "filter.a", 'a range is {"gte"'),
        ({"a": {"gte": True}}, "filter.a", 'a range is {"gte"'),
        ({"a": {"gte": [1]}}, "filter.a", 'a range is {"gte"'),
        ({"a.b": [[1]]}, "filter.a.b", "a value is a scalar"),
        ({"a": [{"gte": 1}]}, "filter.a", "a value is a scalar"),
        ({"a": list(range(MAX_ALTERNATIVES + 1))}, "filter.a", f"at most {MAX_ALTERNATIVES} values"),
        ({f"k{n}": 1 for n in range(MAX_CONDITIONS + 1)}, "filter", f"at most {MAX_CONDITIONS} keys"),
    ],
)
def test_a_filter_without_a_meaning_is_refused(fields: dict[str, Any], blamed: str, told: str) -> None:
    with pytest.raises(InvalidFilter, match=told.replace("{", r"\{")) as caught:
        parse_filter(fields)
    assert caught.value.field == blamed
