"""Values out of public JSON: what no store keeps is replaced and counted; ids are told apart."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.formats import MAX_ERRORS, ImportReport
from indexing.formats._ids import Ids
from indexing.formats._values import decoded, iter_objects, kept, loads, reward_in, scalars, stem, text_in
from indexing.parsing import check_json
from indexing.records import MAX_ID_LENGTH

any_text = st.text(st.characters(categories=("L", "N", "P", "Cs", "Cc")))


@given(st.recursive(any_text, lambda items: st.lists(items) | st.dictionaries(any_text, items), max_leaves=6))
def test_whatever_was_read_can_be_kept(value: object) -> None:
    report = ImportReport()
    read = loads(json.dumps(value), report)
    assert check_json(read) == read
    if read != value:
        assert report.replaced > 0


def test_each_character_that_is_replaced_is_counted() -> None:
    report = ImportReport()
    text = r'{"a\u0000": "\ud83d\ude00 \ud83d", "b": ["\uDC00x", 1]}'
    assert loads(text, report) == {"a\ufffd": "😀 \ufffd", "b": ["\ufffdx", 1]}
    assert report.replaced == 3


def test_numbers_that_are_not_finite_become_null() -> None:
    report = ImportReport()
    assert loads("[NaN, -Infinity, 1]", report) == [None, None, 1]
    assert report.skipped == {"number that is not finite": 2}


def test_json_without_bottom_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        loads("[" * 100_000, ImportReport())


def test_bytes_that_are_no_text_are_replaced_and_byte_order_marks_dropped() -> None:
    report = ImportReport()
    assert decoded(b"\xef\xbb\xbfhello", report) == "hello"
    assert decoded("hello".encode("utf-16"), report) == "hello"
    assert report.replaced == 0
    assert decoded(b"caf\xe9 \xef\xbf\xbd", report) == "caf\ufffd \ufffd"
    assert report.replaced == 1


def test_objects_come_alone_listed_or_one_a_line() -> None:
    report = ImportReport()
    assert list(iter_objects("a.json", b'{"x": 1}', report)) == [{"x": 1}]
    assert list(iter_objects("a.json", b'[{"x": 1}, 2, {"x": 3}]', report)) == [{"x": 1}, {"x": 3}]
    assert list(iter_objects("a.json", b'{"x": 1}\n\n{"x": 2}\n', report)) == [{"x": 1}, {"x": 2}]
    assert list(iter_objects("a.jsonl", b'{"x": \n{"x": 2}', report)) == [{"x": 2}]
    assert list(iter_objects("a.json", b"<html>", report)) == []
    assert report.skipped == {
        "value that is not an object": 1,
        "line that is not JSON": 1,
        "file that is not JSON": 1,
    }


def test_fields_are_picked_by_what_they_hold() -> None:
    fields = {"a": " ", "b": "text", "n": 1.5, "f": float("inf"), "t": True, "l": [], "z": None}
    assert text_in(fields, "a", "n", "b") == "text"
    assert text_in(fields, "a", "missing") is None
    assert scalars(fields) == {"a": " ", "b": "text", "n": 1.5, "t": True}
    assert [reward_in(value) for value in (1, 0.5, True, "1", float("nan"), None)] == [1, 0.5] + [None] * 4
    assert stem("a.b/c.json") == "a.b/c"


def test_metadata_too_deep_to_keep_loses_all_but_its_plain_values() -> None:
    report = ImportReport()
    deep: list[object] = []
    for _ in range(80):
        deep = [deep]
    assert kept({"task": "x", "list": [1]}, report) == {"task": "x", "list": [1]}
    assert kept({"task": "x", "deep": deep}, report) == {"task": "x"}
    assert kept(None, report) == {}
    assert report.skipped == {"metadata that no store keeps": 1}


def test_a_report_keeps_a_bounded_number_of_errors_and_counts_all() -> None:
    report = ImportReport()
    for line in range(1, MAX_ERRORS + 3):
        report.refuse(line, "no")
    assert report.refused == MAX_ERRORS + 2
    assert (len(report.errors), report.errors[0]) == (MAX_ERRORS, (1, "no"))


def test_repeated_ids_are_numbered() -> None:
    ids = Ids()
    assert [ids.unique("a", 1), ids.unique("a", 1), ids.unique("a/1~2"), ids.unique("a/1")] == [
        "a/1",
        "a/1~2",
        "a/1~2~2",
        "a/1~3",
    ]


@given(st.lists(st.sampled_from(["a", "a~2", "a~3", "é" * 600, "é" * 601, "é" * 600 + "~2"]), max_size=12))
def test_ids_are_unique_and_never_too_long(names: list[str]) -> None:
    ids = Ids()
    given_out = [ids.unique(name) for name in names]
    assert len(set(given_out)) == len(names)
    assert all(len(name) <= MAX_ID_LENGTH for name in given_out)
