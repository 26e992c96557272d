"""What doctor says of API keys, and of what killed processes left."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexing.embedder import HashingEmbedder
from indexing.files import STAGE, staging
from indexing.library import Library
from indexing.store.jobs import Job
from service.doctor.keys import check_keys
from service.doctor.leftovers import check_leftovers
from service.job_runner import JobRunner, is_worked_on
from service.keys import new_key
from service.old_and_new import try_out
from service.settings import Settings

DAY = 86_400.0


@pytest.mark.parametrize(
    ("given", "expires", "level", "what"),
    [
        ({}, [], "ok", "from this machine only"),
        ({"host": "0.0.0.0"}, [], "problem", "doesn't start on 0.0.0.0"),
        ({"host": "0.0.0.0", "insecure": True}, [], "warning", "may read and write"),
        ({}, [None, -DAY], "ok", "1 of 2 open something"),
        ({}, [-DAY], "problem", "lets nobody in"),
        ({}, [3 * DAY], "warning", "expires in 3 days"),
    ],
)
def test_keys(given: dict[str, object], expires: list[float | None], level: str, what: str) -> None:
    settings = Settings.model_validate(given)
    keys = [new_key("a", {"admin": None}, 0.0, at and 1e9 + at)[1] for at in expires]
    found = list(check_keys(keys, settings, 1e9))
    worst = found[-1]
    assert (worst.level, what in worst.what) == (level, True), found
    assert (worst.do != "") == (level != "ok")
    assert not any(key.digest.hex() in repr(found) or repr(key.digest) in repr(found) for key in keys)


def test_what_killed_processes_left_is_told_but_not_what_is_being_made(tmp_path: Path) -> None:
    with Library(tmp_path, lambda _: HashingEmbedder(64)) as library:
        library.create("forms", {"embedder": "hashing-64"})
        library.reindex("forms")
        root = tmp_path / "collections"
        number = library.collection("forms").id
        assert list(check_leftovers(library)) == []
        with staging(root), library.publisher.building(number):
            (root / str(number) / "tmp-1").mkdir()
            assert list(check_leftovers(library)) == []
        (told,) = check_leftovers(library)
        assert (told.level, told.do) == ("warning", "restart the service, which removes them")
        assert "1 folder" in told.what
        assert "tmp-1" in told.what
        for left in (f"{STAGE}1", "999"):
            (root / left).mkdir()
        (told,) = check_leftovers(library)
        assert "3 folders" in told.what
        library.start()
        assert list(check_leftovers(library)) == []


def test_jobs_that_nobody_works_on_are_told(tmp_path: Path) -> None:
    with Library(tmp_path, lambda _: HashingEmbedder(64)) as library:
        library.jobs.add(Job("j", "reindex", "forms", 1.0, "running"))
        (told,) = check_leftovers(library)
        assert (told.level, told.about, "1 job was left" in told.what) == ("warning", "jobs", True)
        assert "start the service" in told.do
        runner = JobRunner(library, try_out)
        library.create("forms", {"embedder": "hashing-64"})
        runner.start()
        assert is_worked_on(library)
        assert [one for one in check_leftovers(library) if one.about == "jobs"] == []
        runner.close()
        assert not is_worked_on(library)
