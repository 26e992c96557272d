"""What doctor says of API keys, and of what killed processes left."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexing.embedder import HashingEmbedder
from indexing.files import STAGE, staging
from indexing.library import Library
from service.doctor.keys import check_keys
from service.doctor.leftovers import check_leftovers
from service.keys import new_key
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
