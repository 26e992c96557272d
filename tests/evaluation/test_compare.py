"""A comparison may be stopped anywhere, and its rows are in the end those of one that wasn't."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.compare import Options, compare
from evaluation.memory import MEMORY
from evaluation.results import Row, RowFile
from evaluation.split import INSTRUCTION, split
from indexing.errors import InvalidInput, NotFound
from indexing.library import Library
from indexing.records import Document
from tests.evaluation.made_up import row
from tests.retrievers.families import errands
from tests.support.collections import NAME, SETTINGS, Embedders

OPTIONS = Options(
    strategies=("prior", "instruction", "paper", "agentic"), episodes=2, steps=2, k=5, budgets=(40, 400)
)
EACH = 1 + 3 * 3
"""Rows of a situation."""

RECORDS = errands(24)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library(tmp_path_factory.mktemp("library"), Embedders()) as made:
        made.create(NAME, SETTINGS)
        made.upsert(NAME, "trajectory", RECORDS)
        made.upsert(NAME, "document", [Document("d", "Errands", "Bring what is asked for")])
        yield made


@pytest.fixture(scope="module")
def folder(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a comparison was done without a disturbance."""
    folder = tmp_path_factory.mktemp("out")
    compare(library, [NAME], OPTIONS, RowFile(folder / "rows.ndjson"), unwatched)
    return folder


def unwatched(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def timeless(file: RowFile) -> list[Row]:
    return [replace(row, ms=0.0) for row in file.read()]


def test_each_situation_has_all_its_rows_once(folder: Path) -> None:
    rows = timeless(RowFile(folder / "rows.ndjson"))
    assert len(rows) == 2 * 2 * EACH
    situations = [(row.episode, row.step) for row in rows]
    assert [situations.count(one) for one in dict.fromkeys(situations)] == [EACH] * 4
    held_out = {one.id for one in split(RECORDS, INSTRUCTION, OPTIONS.held_out, OPTIONS.seed).held_out}
    assert {row.episode for row in rows} <= held_out


def test_the_memory_knows_nothing_of_what_is_asked_and_all_the_rest(folder: Path) -> None:
    parted = split(RECORDS, INSTRUCTION, OPTIONS.held_out, OPTIONS.seed)
    with Library(folder / MEMORY, Embedders()) as memory:
        snapshot = memory.snapshot(NAME)
        known = {snapshot.trajectories.id(number) for number in range(snapshot.size)}
        assert known == {one.id for one in parted.memory}
        assert len(snapshot.documents) == 1
        assert snapshot.learned


def test_stopped_at_any_row_it_goes_on_to_the_same_rows(library: Library, folder: Path) -> None:
    file = RowFile(folder / "rows.ndjson")
    whole, truth = file.path.read_bytes(), timeless(file)
    lines = whole.splitlines(keepends=True)
    for count in (0, 1, EACH - 1, EACH, EACH + 1, 2 * EACH + 4, len(lines) - 1, len(lines)):
        for cut in (b"", lines[count][:-1], lines[count][:7]) if count % 4 == 1 else (b"",):
            file.path.write_bytes(b"".join(lines[:count]) + cut)
            compare(library, [NAME], OPTIONS, file, unwatched)
            assert timeless(file) == truth
            kept = b"".join(lines[: count // EACH * EACH])
            assert file.path.read_bytes().startswith(kept)


class Stopped(Exception):
    """Somebody pressed a key."""


def test_stopped_by_its_progress_it_goes_on_where_it_was(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    file = RowFile(tmp_path / "rows.ndjson")
    told: list[tuple[str, int, int]] = []

    def stop(stage: str, done: int, total: int) -> None:
        told.append((stage, done, total))
        if stage.startswith("embedding") or (stage.startswith("asking") and done == 2):
            raise Stopped

    def later(stage: str, done: int, total: int) -> None:
        if not stage.startswith("embedding"):
            stop(stage, done, total)

    with pytest.raises(Stopped):
        compare(library, [NAME], OPTIONS, file, stop)
    assert timeless(file) == []
    with pytest.raises(Stopped):
        compare(library, [NAME], OPTIONS, file, later)
    assert told[-3:] == [(f"asking {NAME}", done, 4) for done in range(3)]
    compare(library, [NAME], OPTIONS, file, unwatched)
    assert timeless(file) == timeless(RowFile(folder / "rows.ndjson"))


def test_what_can_not_be_compared_is_told(library: Library, tmp_path: Path) -> None:
    file = RowFile(tmp_path / "rows.ndjson")
    with pytest.raises(NotFound):
        compare(library, ["nowhere"], OPTIONS, file, unwatched)
    with pytest.raises(InvalidInput, match="no strategy"):
        compare(library, [NAME], replace(OPTIONS, strategies=("best",)), file, unwatched)
    with pytest.raises(InvalidInput, match="has no metadata"):
        compare(library, [NAME], replace(OPTIONS, by="metadata.scene"), file, unwatched)
    assert not file.path.exists()


# The file


@pytest.mark.parametrize("size", [1, 3, 4])
def test_a_file_of_rows_keeps_whole_situations_alone(tmp_path: Path, size: int) -> None:
    file = RowFile(tmp_path / "rows.ndjson")
    file.keep_whole(size)
    assert list(file.read()) == []
    rows = [row(step=step, slot=None) for step in range(8)]
    file.append(rows)
    with file.path.open("ab") as handle:
        handle.write(b'{"cut')
    assert list(file.read()) == rows
    file.keep_whole(size)
    assert list(file.read()) == rows[: 8 // size * size]
    file.append(rows[:1])
    assert list(file.read()) == rows[: 8 // size * size] + rows[:1]
