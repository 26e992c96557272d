"""`precedent snapshot` and `precedent restore`, as an operator has them."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from indexing.library import Library
from tests.support.shell import FAST, Shell, answer, lines_of, one_line, precedent, shell_on, trajectory

REQUEST = {"collection": "forms", "instruction": "Send form number 2", "observation": "Page 2: sent"}
DOCUMENT = {"id": "guide", "title": "Forms", "text": "How to send a form"}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A data folder with two collections."""
    run = shell_on(tmp_path / "data")
    records = tmp_path / "records.ndjson"
    records.write_bytes(lines_of(*map(trajectory, range(6)), DOCUMENT))
    run("ingest", records, "-c", "forms", *FAST)
    run("ingest", records, "-c", "others", *FAST, "--no-index")
    return run


@pytest.fixture
def elsewhere(tmp_path: Path) -> Shell:
    return shell_on(tmp_path / "elsewhere")


def asked(shell: Shell, tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(REQUEST))
    found = answer(shell("retrieve", "--request", path))
    del found["timings_ms"]
    return found


@pytest.mark.parametrize("name", ["one.snapshot", "one.snapshot.gz"])
def test_a_collection_goes_to_another_machine_in_one_file(
    shell: Shell, elsewhere: Shell, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    told = answer(shell("snapshot", "forms", file, "--json"))
    assert [one["trajectories"] for one in told["collections"]] == [6]
    assert file.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.partial"))
    with tarfile.open(file) as tar:
        assert tar.getnames()[:2] == ["manifest.json", "1/records.ndjson"]
    checked = answer(elsewhere("restore", file, "--check", "--json"))
    assert (checked["checked_only"], checked["collections"][0]["serves"]) == (True, None)
    restored = answer(elsewhere("restore", file, "--json"))
    (one,) = restored["collections"]
    assert (one["collection"], one["trajectories"], one["documents"], one["texts"]) == ("forms", 6, 1, 12)
    assert one["serves"] == one["generation"]
    assert asked(elsewhere, tmp_path) == asked(shell, tmp_path)


def test_all_collections_or_one_of_them(shell: Shell, elsewhere: Shell, tmp_path: Path) -> None:
    file = tmp_path / "all.snapshot"
    assert "which collection?" in one_line(shell("snapshot", file, code=2))
    assert shell("snapshot", "--all", file).stdout.startswith(
        "2 collections, 12 trajectories, 2 documents in "
    )
    assert "1 collection" in elsewhere("restore", file, "others", "--as", "mine").stdout
    assert "the snapshot holds 2" in one_line(elsewhere("restore", file, "--as", "mine2", code=2))
    elsewhere("restore", file)
    names = [one["name"] for one in answer(elsewhere("status", "--json"))["collections"]]
    assert names == ["forms", "mine", "others"]
    assert "--force" in one_line(elsewhere("restore", file, code=2))
    elsewhere("restore", file, "--force")
    assert shell("export", "forms").stdout_bytes == elsewhere("export", "forms").stdout_bytes


def test_through_pipes(shell: Shell, tmp_path: Path) -> None:  # noqa: ARG001
    made = precedent(tmp_path / "data", "snapshot", "--all", "-")
    assert made.returncode == 0, made.stderr
    back = precedent(tmp_path / "piped", "restore", "-", given=gzip.compress(made.stdout))
    assert (back.returncode, b"12 trajectories" in back.stdout) == (0, True), back.stderr


def test_indexed_anew_with_another_model(shell: Shell, elsewhere: Shell, tmp_path: Path) -> None:
    file = tmp_path / "forms.snapshot"
    shell("snapshot", "forms", file)
    (one,) = answer(elsewhere("restore", file, "--embedder", "hashing-32", "--json"))["collections"]
    assert one["serves"] not in (None, one["generation"])
    (described,) = answer(elsewhere("status", "--json"))["collections"]
    assert (described["embedder"], described["changes"]) == ("hashing-32", 0)


def test_a_model_that_the_operator_does_not_allow_is_not_loaded(
    shell: Shell, elsewhere: Shell, tmp_path: Path
) -> None:
    file = tmp_path / "forms.snapshot"
    with Library(tmp_path / "data") as library:
        row = library.collection("others")
        library.catalog.update_settings(row.id, {**row.settings, "embedder": "somebody/model"})
        library.catalog.update_settings(
            library.collection("forms").id, {**row.settings, "tokenizer": "/etc/x"}
        )
    shell("snapshot", "--all", file)
    assert "'somebody/model' is not allowed" in one_line(elsewhere("restore", file, "others", code=2))
    assert "'/etc/x' is not allowed" in one_line(elsewhere("restore", file, "forms", code=2))
    assert elsewhere("restore", file, "others", "--embedder", "hashing-32").exit_code == 0


def test_what_can_not_be_is_told_in_one_line(shell: Shell, elsewhere: Shell, tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert "no collection 'none'" in one_line(shell("snapshot", "none", file, code=2))
    assert not file.exists()
    assert "say COLLECTION FILE" in one_line(shell("snapshot", "forms", "--all", file, code=2))
    assert "no such file" in one_line(elsewhere("restore", file, code=2))
    file.write_bytes(b"nonsense")
    assert "cut off" in one_line(elsewhere("restore", file, code=2))
    assert "can't name a collection" in one_line(elsewhere("restore", file, "--as", "../x", code=2))
    shell("snapshot", "forms", file)
    whole = file.read_bytes()
    at = whole.index(b'"record":')
    file.write_bytes(whole[:at] + b"'" + whole[at + 1 :])
    assert "1/records.ndjson isn't what its checksum says" in one_line(elsewhere("restore", file, code=2))
    assert "no collections in" in one_line(elsewhere("status", code=2))


def test_what_is_checked_or_refused_leaves_nothing(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "forms.snapshot"
    shell("snapshot", "forms", file)
    before = sorted(tmp_path.rglob("*"))
    nowhere = shell_on(tmp_path / "not" / "there")
    nowhere("restore", file, "--check")
    nowhere("restore", tmp_path / "none", code=2)
    nowhere("restore", file, "others", code=2)
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "empty").mkdir()
    shell_on(tmp_path / "empty")("restore", file, "others", code=2)
    assert list((tmp_path / "empty").iterdir()) == []
    keyed = shell_on(tmp_path / "keyed")
    keyed("keys", "create")
    keyed("restore", file, "others", code=2)
    assert keyed("keys", "list").stdout
