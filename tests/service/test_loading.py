"""Batches, and the round trip of any records through ingest and export."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from indexing.library import Library
from indexing.records import Document, Record, Step, Trajectory, to_bytes
from service.cli import app
from service.loading import Loader

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
WORDS = TEXT.map(lambda text: f"x{text}")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
OPTIONAL = st.none() | st.dictionaries(TEXT, JSON, max_size=3)
TRAJECTORIES = st.builds(
    Trajectory,
    id=WORDS,
    instruction=WORDS,
    steps=st.lists(st.builds(Step, TEXT, TEXT, st.none() | TEXT), min_size=1, max_size=3).map(tuple),
    final_observation=st.none() | TEXT,
    metadata=OPTIONAL,
)
DOCUMENTS = st.builds(Document, id=WORDS, title=TEXT, text=WORDS, url=st.none() | TEXT, metadata=OPTIONAL)


@settings(max_examples=10)
@given(st.lists(TRAJECTORIES | DOCUMENTS, max_size=8, unique_by=lambda record: (type(record), record.id)))
def test_whatever_was_exported_is_ingested_without_loss(records: list[Record]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, given_file, written = folder / "data", folder / "given.ndjson", folder / "written.ndjson"
        given_file.write_bytes(b"".join(to_bytes(record) + b"\n" for record in records))
        _run(data, "ingest", given_file, "-c", "one", "--no-index")
        _run(data, "export", "one", "-o", written)
        assert sorted(written.read_bytes().splitlines()) == sorted(map(to_bytes, records))
        _run(data, "ingest", written, "-c", "two", "--no-index")
        _run(data, "export", "two", "-o", given_file)
        assert given_file.read_bytes() == written.read_bytes()


def _run(data: Path, *arguments: str | Path) -> None:
    result = CliRunner().invoke(app, [*map(str, arguments), "--data-dir", str(data)])
    assert result.exit_code == 0, result.stderr


def test_a_batch_ends_by_number_or_by_size(tmp_path: Path) -> None:
    small = [Document(str(number), "", "text") for number in range(5)]
    large = Document("large", "", "x" * (16 << 20))
    with Library(tmp_path) as library:
        loader = Loader(library, "any", batch=3)
        assert [loader.add(record) for record in small] == [False, False, True, False, False]
        assert loader.add(large)
        assert loader.counts.accepted == 6
        loader.flush()
        assert loader.counts.total == 6
