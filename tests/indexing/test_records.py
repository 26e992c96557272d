"""Records in and out: what is accepted, what is refused and in which words, and settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.errors import InvalidInput, InvalidRecord
from indexing.parsing import MAX_DEPTH, parse_line, parse_value
from indexing.records import (
    MAX_ID_LENGTH,
    Document,
    Step,
    Trajectory,
    content_digest,
    content_id,
    document_from_bytes,
    to_bytes,
    to_fields,
    trajectory_from_bytes,
)
from indexing.settings import CollectionSettings

STEP = {"observation": "o", "action": "a"}
LEAST: dict[str, Any] = {"instruction": "Find it", "steps": [STEP]}

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**90), 2**90)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
STEPS = st.builds(Step, TEXT, TEXT, st.none() | TEXT)
TRAJECTORIES = st.builds(
    Trajectory,
    TEXT.filter(bool),
    TEXT.filter(str.strip),
    st.lists(STEPS, min_size=1, max_size=3).map(tuple),
    st.none() | TEXT,
    st.none() | st.fixed_dictionaries({"kind": st.just("human"), "span": st.just([0, 3])}),
    st.none() | st.fixed_dictionaries({"success": st.booleans(), "reward": st.integers(-(2**70), 2**70)}),
    st.none() | st.dictionaries(TEXT, JSON_VALUES, max_size=3),
)
DOCUMENTS = st.builds(Document, TEXT.filter(bool), TEXT, TEXT.filter(str.strip), st.none() | TEXT)


@given(TRAJECTORIES)
def test_a_trajectory_comes_back_from_its_line(record: Trajectory) -> None:
    line = to_bytes(record)
    assert b"\n" not in line
    assert trajectory_from_bytes(line) == record
    assert parse_line(line, Trajectory) == record
    assert to_fields(trajectory_from_bytes(line)) == to_fields(record)


@given(DOCUMENTS)
def test_a_document_comes_back_from_its_line(record: Document) -> None:
    assert document_from_bytes(to_bytes(record)) == parse_line(to_bytes(record), Document) == record


def test_null_is_absent_and_the_content_makes_the_id() -> None:
    nulls = {"id": None, "final_observation": None, "source": None, "outcome": None, "metadata": None}
    plain = parse_value(LEAST, Trajectory)
    assert parse_value(LEAST | nulls, Trajectory) == plain
    assert parse_value(LEAST | {"steps": [STEP | {"thought": None}]}, Trajectory) == plain
    assert plain.id == content_id(to_fields(plain))
    assert len(plain.id) == 32
    assert parse_value(LEAST | {"instruction": "Find more"}, Trajectory).id != plain.id
    assert parse_value({"text": "t", "title": None, "url": None}, Document) == parse_value(
        {"text": "t"}, Document
    )


@pytest.mark.parametrize("part", ["source", "outcome"])
def test_null_inside_source_and_outcome_is_absent_and_unknown_fields_stay(part: str) -> None:
    record = parse_value(LEAST | {part: {"mine": {"x": None}, "nothing": None}}, Trajectory)
    assert getattr(record, part) == {"mine": {"x": None}}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"instruction": None}, "instruction: "),
        ({"instruction": " \n"}, "instruction: must not be blank"),
        ({"steps": []}, "steps: "),
        ({"steps": [STEP, {"observation": "o"}]}, "steps.1.action: Field required"),
        ({"steps": [STEP | {"observation": 5}]}, "steps.0.observation: "),
        ({"steps": [STEP, "click"]}, "steps.1: must be a JSON object"),
        ({"steps": [STEP | {"extra": 5}]}, "steps.0.extra: unknown field"),
        ({"id": ""}, "id: "),
        ({"id": "x" * (MAX_ID_LENGTH + 1)}, "id: "),
        ({"id": 5}, "id: "),
        ({"metadata": []}, "metadata: must be a JSON object"),
        ({"metadata": {"a": "\x00"}}, "metadata: contains NUL"),
        ({"metadata": {"\x00": 1}}, "metadata: contains NUL"),
        ({"metadata": {"a": nested(MAX_DEPTH + 1)}}, f"nested deeper than {MAX_DEPTH}"),
        ({"metadata": {"a": float("nan")}}, "metadata: NaN"),
        ({"metadata": {"a": "\ud800"}}, "metadata: contains a lone surrogate"),
        ({"instruction": "\ud800"}, "instruction: "),
        ({"outcome": {"success": 1}}, "outcome.success: "),
        ({"outcome": {"success": "yes"}}, "outcome.success: "),
        ({"outcome": {"reward": True}}, "outcome.reward."),
        ({"source": {"kind": "dreamt"}}, "source.kind: "),
        ({"source": {"span": [0]}}, "source.span: "),
        ({"source": {"span": [-1, 2]}}, "source.span.0: "),
        ({"source": {"documents": [1]}}, "source.documents.0: "),
        ({"nonsense": 1}, "nonsense: "),
    ],
)
def test_a_refused_record_is_told_by_path(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRecord) as caught:
        parse_value(LEAST | changes, Trajectory)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    "line", [b"", b"{", b"NaN", b'{"a": Infinity}', b'"\\ud800"', b"[" * 10_000, b"\xff"]
)
def test_what_is_not_json_is_refused(line: bytes) -> None:
    with pytest.raises(InvalidRecord, match="not JSON"):
        parse_line(line, Trajectory)


@pytest.mark.parametrize("value", [None, 5, "text", [], [LEAST]])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRecord, match=r"^record: must be a JSON object$"):
        parse_value(value, Trajectory)


def test_big_integers_stay_exact() -> None:
    line = json.dumps(LEAST | {"metadata": {"n": 2**80 + 1}})
    record = parse_line(line, Trajectory)
    assert record.metadata == {"n": 2**80 + 1}
    assert trajectory_from_bytes(to_bytes(record)) == record


@pytest.mark.parametrize(
    "more",
    [
        {"metadata": {}},
        {"metadata": {"k": None}},
        {"outcome": {"success": None, "reward": None}},
        {"source": {"kind": None}},
        {"final_observation": None, "nonsense": None},
    ],
)
def test_null_equals_absent(more: dict[str, Any]) -> None:
    plain, given = parse_value(LEAST, Trajectory), parse_value(LEAST | more, Trajectory)
    assert given.id == plain.id == content_digest(to_fields(given))[:32]
    assert (given.outcome, given.source) == (None, None)
    steps = [LEAST["steps"][0] | {"thought": None, "nonsense": None}]
    assert parse_value(LEAST | {"steps": steps}, Trajectory) == plain


def test_settings_change_one_by_one_and_null_leaves_one_as_it_is() -> None:
    settings = CollectionSettings().updated({"embedder": "hashing-64", "environment": "web"})
    assert settings.updated({"embedder": None, "tokenizer": "words"}) == CollectionSettings(
        environment="web", embedder="hashing-64", tokenizer="words"
    )
    assert CollectionSettings().updated(settings.to_fields()) == settings
    with pytest.raises(InvalidInput, match="unknown setting 'nonsense'; there are environment, embedder"):
        settings.updated({"nonsense": 1, "other": 2})
