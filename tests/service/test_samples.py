"""Sample collections are loaded once, and never into other people's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from indexing.errors import InvalidInput
from indexing.library import Library
from indexing.records import to_bytes
from retrievers.learning import LEAST_TRAJECTORIES, learn
from retrievers.moments import ADVICE
from retrievers.ranker import MODEL
from service.samples import SampleLoader, example
from tests.retrievers.families import rites
from tests.support.shell import lines_of, trajectory


def write_sample(folder: Path, name: str = "forms", count: int = 3) -> Path:
    sample = folder / name
    sample.mkdir(parents=True, exist_ok=True)
    (sample / "collection.json").write_text('{"embedder": "hashing-64", "environment": "forms"}')
    (sample / "trajectories.ndjson").write_bytes(lines_of(*map(trajectory, range(count))))
    (sample / "documents.ndjson").write_bytes(lines_of({"id": "d", "text": "How forms are sent"}))
    situation = {
        "id": "x",
        "instruction": "Send it",
        "observation": "Page 1: it's a form",
        "expert_action": "stop",
    }
    (sample / "situations.json").write_text(json.dumps([situation]))
    return sample


def silently(*_: object, **__: object) -> None:
    """Progress that nobody watches."""


def load(library: Library, folder: Path) -> list[str]:
    """Load what is missing; returns its names."""
    loader = SampleLoader(library, folder)
    missing = loader.missing()
    for sample in missing:
        loader.load(sample, silently, silently)
    return [sample.name for sample in missing]


def test_a_sample_is_loaded_once_with_its_settings(tmp_path: Path) -> None:
    write_sample(tmp_path / "samples")
    with Library(tmp_path / "data") as library:
        assert load(library, tmp_path / "samples") == ["forms"]
        row = library.collection("forms")
        assert row.generation is not None
        assert row.settings["environment"] == "forms"
        assert library.records.count(row.id, "trajectory") == 3
        assert library.records.count(row.id, "document") == 1
        assert load(library, tmp_path / "samples") == []
        assert library.collection("forms").generation == row.generation


def test_a_first_start_fits_no_ranker_and_a_reindex_does(tmp_path: Path) -> None:
    sample = write_sample(tmp_path / "samples")
    records = (to_bytes(one) for one in rites(LEAST_TRAJECTORIES))
    (sample / "trajectories.ndjson").write_bytes(b"".join(record + b"\n" for record in records))
    with Library(tmp_path / "data", learner=learn) as library:
        load(library, tmp_path / "samples")
        assert ADVICE in library.snapshot("forms").learned
        assert MODEL not in library.snapshot("forms").learned
        library.reindex("forms")
        assert MODEL in library.snapshot("forms").learned


def test_a_changed_sample_is_loaded_again(tmp_path: Path) -> None:
    write_sample(tmp_path / "samples")
    with Library(tmp_path / "data") as library:
        load(library, tmp_path / "samples")
        write_sample(tmp_path / "samples", count=5)
        assert load(library, tmp_path / "samples") == ["forms"]
        assert library.records.count(library.collection("forms").id, "trajectory") == 5


def test_what_was_deleted_from_a_sample_stays_deleted(tmp_path: Path) -> None:
    write_sample(tmp_path / "samples")
    with Library(tmp_path / "data") as library:
        load(library, tmp_path / "samples")
        library.delete("forms", "trajectory", "t00001")
        assert load(library, tmp_path / "samples") == []


def test_a_collection_of_the_same_name_that_is_no_sample_stays_as_it_is(tmp_path: Path) -> None:
    write_sample(tmp_path / "samples")
    with Library(tmp_path / "data") as library:
        library.create("forms", {})
        assert load(library, tmp_path / "samples") == []
        assert library.records.count(library.collection("forms").id, "trajectory") == 0


def test_loading_that_was_broken_off_is_ended(tmp_path: Path) -> None:
    write_sample(tmp_path / "samples")
    with Library(tmp_path / "data") as library:
        loader = SampleLoader(library, tmp_path / "samples")

        def broken(*_: object, **__: object) -> None:
            raise InvalidInput("broken off")

        with pytest.raises(InvalidInput, match="broken off"):
            loader.load(loader.samples[0], silently, broken)
        assert load(library, tmp_path / "samples") == ["forms"]
        assert load(library, tmp_path / "samples") == []


def test_the_example_is_a_real_situation(tmp_path: Path) -> None:
    sample = write_sample(tmp_path / "samples")
    situation = {"instruction": "Send it", "observation": "Page 1: it's a form"}
    assert example([sample]) == {"collection": "forms", **situation}
    (sample / "situations.json").unlink()
    assert example([sample]) is None


def test_settings_that_are_none_are_told_with_their_file(tmp_path: Path) -> None:
    sample = write_sample(tmp_path / "samples")
    (sample / "collection.json").write_text("nonsense")
    with (
        Library(tmp_path / "data") as library,
        pytest.raises(InvalidInput, match=r"collection\.json: not JSON"),
    ):
        load(library, tmp_path / "samples")


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with (
        Library(tmp_path / "data") as library,
        pytest.raises(InvalidInput, match="no such folder of samples"),
    ):
        SampleLoader(library, tmp_path / "samples")
