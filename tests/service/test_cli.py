"""The commands, called in this process as the shell would call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy

from indexing.files import used
from indexing.library import Library
from indexing.store import schema
from indexing.store.database import open_database, write
from indexing.store.jobs import Job, Progress
from tests.support.shell import FAST, Shell, answer, lines_of, one_line, shell_on, trajectory

DOCUMENT = {"id": "guide", "title": "Forms", "text": "How to send a form"}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_on(tmp_path / "data")


@pytest.fixture
def records(tmp_path: Path) -> Path:
    path = tmp_path / "records.ndjson"
    path.write_bytes(lines_of(trajectory(1), trajectory(2), DOCUMENT))
    return path


def test_what_is_ingested_is_counted_indexed_and_shown(shell: Shell, records: Path) -> None:
    found = answer(shell("ingest", records, "-c", "forms", *FAST, "--json"))
    assert (found["accepted"], found["updated"], found["unchanged"], found["rejected"]) == (3, 0, 0, [])
    (described,) = answer(shell("status", "--json"))["collections"]
    assert described["generation"] == found["generation"]
    assert (described["trajectories"], described["documents"], described["changes"]) == (2, 1, 0)
    assert described["embedder"] == "hashing-64"
    assert described["index_bytes"] > 0


def test_ingesting_again_changes_nothing_and_builds_nothing(shell: Shell, records: Path) -> None:
    first = answer(shell("ingest", records, *FAST, "--json"))
    again = answer(shell("ingest", records, "--json"))
    assert (again["accepted"], again["updated"], again["unchanged"]) == (0, 0, 3)
    assert again["generation"] == first["generation"]


def test_a_changed_record_is_updated_and_a_new_generation_built(shell: Shell, records: Path) -> None:
    first = answer(shell("ingest", records, *FAST, "--json"))
    records.write_bytes(lines_of(trajectory(1) | {"instruction": "Another"}))
    again = answer(shell("ingest", records, "--json"))
    assert (again["accepted"], again["updated"]) == (0, 1)
    assert again["generation"] != first["generation"]


def test_bad_lines_are_told_by_number_and_the_good_ones_kept(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "mixed.ndjson"
    path.write_bytes(lines_of(trajectory(1)) + b"nonsense\n" + lines_of({"instruction": "x", "steps": []}))
    result = shell("ingest", path, *FAST, "--json", code=1)
    assert [error["line"] for error in answer(result)["rejected"]] == [2, 3]
    assert f"precedent: {path}:2: not JSON" in result.stderr
    assert f"precedent: {path}:3: steps: " in result.stderr
    assert answer(shell("status", "--json"))["collections"][0]["trajectories"] == 1


def test_many_bad_lines_are_counted_and_only_some_told(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "mixed.ndjson"
    path.write_bytes(lines_of(trajectory(1)) + b"nonsense\n" * 3_000)
    result = shell("ingest", path, *FAST, "--no-index", code=1)
    assert "1 accepted, 0 updated, 0 unchanged, 3,000 rejected" in result.stdout
    assert result.stderr.count("not JSON") == 20
    assert "2,980 more lines" in result.stderr


def test_nothing_but_bad_lines_is_told_in_one_line(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "bad.ndjson"
    path.write_bytes(b"nonsense\n" * 30)
    result = shell("ingest", path, *FAST, "--json", code=2)
    assert result.stderr.startswith(f"precedent: {path}:1: not JSON")
    assert result.stderr.count("\n") == 1
    assert len(answer(result)["rejected"]) == 30


def test_without_index_the_changes_wait_for_reindex(shell: Shell, records: Path) -> None:
    assert answer(shell("ingest", records, *FAST, "--no-index", "--json"))["generation"] is None
    assert answer(shell("status", "default", "--json"))["collections"][0]["changes"] == 3
    built = answer(shell("reindex", "--json"))
    assert built["counts"] == {"trajectories": 2, "documents": 1, "positions": built["counts"]["positions"]}
    assert answer(shell("status", "--json"))["collections"][0]["changes"] == 0


def test_only_one_kind_is_taken_when_asked(shell: Shell, records: Path) -> None:
    found = answer(shell("ingest", records, *FAST, "--kind", "document", "--json"))
    assert found["accepted"] == 1
    assert found["left_out"] == {"a trajectory, not a document": 2}


def test_a_public_format_is_read_by_its_importer(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.md").write_text("# Sending forms\n\nPress the button.\n")
    (folder / "b.md").write_text("\n")
    result = shell("ingest", folder, "-f", "documents", *FAST)
    assert "1 accepted" in result.stdout
    assert "left out: 1 empty document" in result.stdout
    exported = json.loads(shell("export", "--kind", "document").stdout)
    assert (exported["id"], exported["title"]) == ("a.md", "Sending forms")


def test_rollback_serves_the_generation_before(shell: Shell, records: Path) -> None:
    first = answer(shell("ingest", records, *FAST, "--json"))["generation"]
    second = shell("reindex", "--set", "observation_normalizer=verbatim").stdout.strip()
    assert first != second
    back = shell("rollback")
    assert back.stdout.strip() == first
    assert (
        "default has the settings back that it was built with: --set observation_normalizer=text"
        in back.stderr
    )
    assert answer(shell("status", "--json"))["collections"][0]["generation"] == first
    assert "no generation before" in one_line(shell("rollback", code=2))


def test_a_rollback_onto_a_damaged_generation_says_what_to_do(
    shell: Shell, records: Path, tmp_path: Path
) -> None:
    first = answer(shell("ingest", records, *FAST, "-c", "forms", "--json"))["generation"]
    second = shell("reindex", "--embedder", "hashing-32").stdout.strip()
    (broken,) = (tmp_path / "data").rglob(f"{first}/trajectories.tokens.npy")
    broken.write_bytes(b"")
    told = one_line(shell("rollback", code=1))
    assert f"generation {first}, the one before the served {second}, is refused: trajectories.tokens" in told
    assert told.endswith("precedent reindex forms --set embedder=hashing-64")
    assert answer(shell("status", "--json"))["collections"][0]["generation"] == second


def test_status_shows_the_embedder_that_is_served(shell: Shell, records: Path, tmp_path: Path) -> None:
    shell("ingest", records, *FAST, "-c", "forms")
    with Library(tmp_path / "data") as library:
        library.create("forms", {"embedder": "hashing-32"})
    (described,) = answer(shell("status", "--json"))["collections"]
    assert (described["embedder"], described["awaiting_reindex"]) == ("hashing-64", ["embedder"])


def test_reindex_with_another_embedder_keeps_the_records(shell: Shell, records: Path) -> None:
    shell("ingest", records, *FAST)
    assert answer(shell("reindex", "--embedder", "hashing-32", "--json"))["embedder"] == "hashing-32"
    assert answer(shell("status", "--json"))["collections"][0]["trajectories"] == 2


def test_status_is_a_table_for_people(shell: Shell, records: Path) -> None:
    shell("ingest", records, *FAST, "-c", "forms")
    heading, row, *_ = shell("status").stdout.splitlines()
    assert heading.split()[:3] == ["COLLECTION", "TRAJECTORIES", "DOCUMENTS"]
    assert row.split()[:4] == ["forms", "2", "1", "0"]


def test_status_says_what_waits_for_the_operator(shell: Shell, records: Path, tmp_path: Path) -> None:
    shell("ingest", records, *FAST, "-c", "forms")
    (described,) = answer(shell("status", "--json"))["collections"]
    assert (described["embedder_matches"], described["awaiting_reindex"], described["generations"]) == (
        True,
        [],
        1,
    )
    with Library(tmp_path / "data") as library:
        library.create("forms", {"observation_normalizer": "shell"})
        library.jobs.add(Job("j1", "reindex", "forms", 1.0, "failed", error="no room"))
        library.jobs.add(Job("j2", "reindex", "forms", 2.0, "running", progress=Progress(4, 9, "embedding")))
        generation = library.collection("forms").generation
    table = sqlalchemy.update(schema.generations).where(schema.generations.c.id == generation)
    engine = open_database(f"sqlite:///{tmp_path / 'data'}/precedent.db")
    with write(engine) as connection:
        manifest = connection.scalar(sqlalchemy.select(schema.generations.c.manifest))
        assert manifest is not None
        connection.execute(table.values(manifest=manifest.replace("hashing-64-v1", "hashing-64-v0")))
    engine.dispose()
    found = answer(shell("status", "--json"))
    (described,) = found["collections"]
    assert described["embedder_matches"] is False
    assert described["awaiting_reindex"] == ["observation_normalizer"]
    assert found["jobs"]["counts"] == {"failed": 1, "running": 1}
    assert [(job["id"], job["left"]) for job in found["jobs"]["unfinished"]] == [("j2", True)]
    assert found["free_bytes"] > 0
    told = shell("status").stdout
    left = "left by a process that ended, taken up when the service starts"
    assert f"job j2: reindex of forms, {left}, embedding 4 of 9" in told
    with used(tmp_path / "data"):  # as a service does that runs
        assert "job j2: reindex of forms, running, embedding 4 of 9" in shell("status").stdout
    assert "forms: indexed with another build of its embedder; run: precedent reindex forms" in told
    assert "forms: a changed observation_normalizer waits for the next generation" in told


def test_export_to_a_file_is_whole_or_not_there(shell: Shell, records: Path, tmp_path: Path) -> None:
    shell("ingest", records, *FAST, "--no-index")
    output = tmp_path / "out.ndjson"
    result = shell("export", "--output", output)
    assert result.stdout == ""
    assert output.read_bytes().count(b"\n") == 3
    assert [path.name for path in tmp_path.glob("*.partial")] == []
    missing = tmp_path / "nowhere" / "out.ndjson"
    assert f"{missing}: there is no such folder" in one_line(shell("export", "--output", missing, code=2))


def test_the_collection_must_be_named_when_there_are_several(shell: Shell, records: Path) -> None:
    for name in ("one", "two"):
        shell("ingest", records, "-c", name, *FAST, "--no-index")
    for command in ("export", "reindex", "rollback"):
        assert "there are one, two" in one_line(shell(command, code=2))
    assert shell("export", "one").stdout == shell("export", "--collection", "two").stdout


NONSENSE: list[tuple[tuple[str, ...], str]] = [
    (("ingest", "missing.ndjson"), "no such file"),
    (("ingest", "{records}", "-f", "nonsense"), "choose one of ndjson, miniwob"),
    (("ingest", "{records}", "-c", "No Name"), "can't name a collection"),
    (("ingest", "{records}", "--set", "embedder"), "name=value"),
    (("ingest", "{records}", "--set", "colour=red"), "unknown setting 'colour'"),
    (("ingest", "{records}", "--set", "embedder=hashing-3"), "hashing-N needs"),
    (("ingest", "{records}", "--batch", "0"), "--batch"),
    (("ingest", "-", "-f", "miniwob"), "standard input is read as ndjson"),
    (("ingest",), "FILE..."),
    (("ingest", "{records}", "--nonsense"), "No such option"),
    (("export", "missing"), "no collections in"),
    (("export", "--format", "csv"), "ndjson"),
    (("status", "missing"), "no collections in"),
    (("reindex", "missing"), "no collections in"),
    (("rollback", "a", "--collection", "b"), "no collections in"),
    (("retrieve", "--instruction", "x"), "no collections in"),
    (("nonsense",), "No such command"),
    (("serve", "--host", "0.0.0.0"), "--insecure"),
    (("serve", "--port", "99999"), "--port"),
]


@pytest.mark.parametrize(("arguments", "says"), NONSENSE, ids=[" ".join(words) for words, _ in NONSENSE])
def test_nonsense_exits_2_with_one_clear_line(
    shell: Shell, records: Path, arguments: tuple[str, ...], says: str
) -> None:
    assert says in one_line(shell(*(word.format(records=records) for word in arguments), code=2))


def test_what_does_not_exist_is_told_with_what_does(shell: Shell, records: Path) -> None:
    shell("ingest", records, "-c", "forms", *FAST, "--no-index")
    for command in (("export", "f"), ("status", "f"), ("reindex", "f"), ("rollback", "f")):
        assert "there are forms" in one_line(shell(*command, code=2))
    assert "two collections are named" in one_line(shell("export", "a", "-c", "b", code=2))


def test_a_data_folder_that_is_a_file_is_told(shell: Shell, records: Path) -> None:
    assert "can't hold data" in one_line(shell("ingest", records, "--data-dir", records, code=2))


def test_a_database_that_is_none_is_told(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "precedent.db").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    assert "not a database" in one_line(shell("status", "--data-dir", tmp_path, code=1))


def test_a_file_of_another_kind_loads_nothing_and_leaves_nothing(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    result = shell("ingest", path, code=2)
    assert "choose another with --format" in result.stderr
    assert answer(shell("status", "--json"))["collections"] == []


def test_help_comes_without_arguments_and_with_help(shell: Shell) -> None:
    assert "Usage: precedent" in shell(code=2).stderr
    for command in (
        "serve",
        "ingest",
        "reindex",
        "rollback",
        "status",
        "retrieve",
        "export",
        "compare",
        "doctor",
    ):
        assert "--data-dir" in shell(command, "--help").stdout
