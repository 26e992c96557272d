"""Precedent's own records, streamed."""

from __future__ import annotations

import gzip
import io
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing import formats
from indexing.errors import InvalidInput, InvalidRecord
from indexing.formats import ImportReport, _array, ndjson
from indexing.formats._array import iter_array
from indexing.records import Document, Step, Trajectory, to_bytes
from tests.indexing.formats.checks import trajectories

RECORDS = [
    Trajectory(
        id=f"t{number}",
        instruction="Öffne die Seite",
        steps=(Step("Seite\n1", "click [1]", "weil"), Step("", "stop")),
        outcome={"success": True, "reward": 2**70},
        metadata={"n": number},
    )
    for number in range(3)
]
LINES = b"\n".join(to_bytes(record) for record in RECORDS)
ARRAY = b"[" + b", ".join(to_bytes(record) for record in RECORDS) + b"]"


@pytest.mark.parametrize(
    "content", [LINES, LINES + b"\n\n", ARRAY, b"\xef\xbb\xbf" + LINES, b"\xef\xbb\xbf " + ARRAY]
)
@pytest.mark.parametrize("zipped", [False, True])
def test_what_was_written_is_read(tmp_path: Path, content: bytes, zipped: bool) -> None:
    path = tmp_path / "records"
    path.write_bytes(gzip.compress(content) if zipped else content)
    report = ImportReport()
    assert trajectories("ndjson", path, report) == RECORDS
    assert (report.read, report.refused) == (3, 0)


def test_folders_are_read_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(to_bytes(RECORDS[0]))
    (tmp_path / "b.json").write_bytes(b"[" + to_bytes(RECORDS[1]) + b"]")
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(to_bytes(RECORDS[2]) + b"\n{}"))
    report = ImportReport()
    assert trajectories("ndjson", tmp_path, report) == RECORDS
    assert report.errors == [(2, "c.jsonl: instruction: Field required; steps: Field required")]


def test_a_bad_line_is_told_by_its_number_and_the_others_stand(tmp_path: Path) -> None:
    path = tmp_path / "records.ndjson"
    bad = [b'{"instruction": "x", "steps": []}', b"nonsense", b'"text"', b"\xff", b'{"a": NaN}']
    path.write_bytes(b"\n".join([to_bytes(RECORDS[0]), *bad, b"", to_bytes(RECORDS[1])]))
    report = ImportReport()
    assert trajectories("ndjson", path, report) == RECORDS[:2]
    assert [line for line, _ in report.errors] == [2, 3, 4, 5, 6]
    assert report.errors[0][1].startswith("steps: ")
    assert report.errors[1][1].startswith("not JSON: ")


def test_a_bad_item_of_an_array_is_told_by_its_place(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_bytes(b"[" + to_bytes(RECORDS[0]) + b", {}, " + to_bytes(RECORDS[1]) + b", {oops]")
    report = ImportReport()
    assert trajectories("ndjson", path, report) == RECORDS[:2]
    assert [line for line, _ in report.errors] == [2, 4]
    assert "the rest of the array was not read" in report.errors[1][1]


def test_lone_surrogates_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    record = b'{"instruction": "x", "steps": [{"observation": "%s", "action": "a"}]}'
    path.write_bytes(b"[" + record % b"\\ud800" + b"," + record % b"\xff" + b"]")
    report = ImportReport()
    assert trajectories("ndjson", path, report) == []
    assert all("lone surrogate" in error for _, error in report.errors)
    assert report.refused == 2


def test_documents_are_told_from_trajectories(tmp_path: Path) -> None:
    path = tmp_path / "records.ndjson"
    path.write_text('{"id": "d", "title": "T", "text": "x"}\n{"text": " "}')
    report = ImportReport()
    assert list(formats.read("ndjson", path, report)) == [Document("d", "T", "x")]
    assert report.errors[0][1].startswith("text: ")


def test_a_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(LINES,))
    writer.start()
    assert trajectories("ndjson", path, ImportReport()) == RECORDS
    writer.join()


def test_a_path_that_is_not_there_or_cut_short_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file or folder"):
        list(ndjson.read(tmp_path / "missing", ImportReport()))
    path = tmp_path / "cut.ndjson.gz"
    path.write_bytes(gzip.compress(LINES)[:-10])
    with pytest.raises(InvalidInput, match="can't be unpacked"):
        list(ndjson.read(path, ImportReport()))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda items: st.lists(items, max_size=4) | st.dictionaries(st.text(), items, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module", params=[1, 7, 1 << 20])
def chunk(request: pytest.FixtureRequest) -> Iterator[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_array, "CHUNK_CHARACTERS", request.param)
        yield request.param


@given(items=st.lists(json_values, max_size=5), indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_an_array_in_chunks_is_the_array(
    chunk: int, items: list[object], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(items, indent=indent, ensure_ascii=ascii_only)
    assert chunk > 0
    assert list(iter_array(io.StringIO(text))) == list(enumerate(items, 1))


@given(items=st.lists(st.dictionaries(st.text(), st.text()), min_size=1, max_size=4), data=st.data())
def test_an_array_cut_short_gives_what_is_whole_and_says_where_it_ends(
    chunk: int, items: list[object], data: st.DataObject
) -> None:
    text = json.dumps(items)
    cut = data.draw(st.integers(1, len(text) - 1))
    assert chunk > 0
    *whole, (place, error) = iter_array(io.StringIO(text[:cut]))
    assert whole == list(enumerate(items, 1))[: len(whole)]
    assert place == len(whole) + 1
    assert isinstance(error, InvalidRecord)


def test_an_item_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_array, "MAX_ITEM_CHARACTERS", 100)
    monkeypatch.setattr(_array, "CHUNK_CHARACTERS", 10)
    ((place, error),) = iter_array(io.StringIO('["' + "x" * 1000))
    assert (place, str(error)) == (1, "an item longer than 100 characters; split it")
