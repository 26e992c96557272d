"""Walking files, folders and archives."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from indexing.errors import InvalidInput
from indexing.formats import ImportReport
from indexing.formats._files import OTHER_FILE, iter_files, place

CONTENTS = {
    "b/two.json": b"2",
    "a/one.json": b"1",
    "a/three.json.gz": gzip.compress(b"3"),
    "a/notes.md": b"#",
}
EXPECTED = {"a/one.json": b"1", "a/three.json": b"3", "b/two.json": b"2"}


def make_folder(folder: Path) -> Path:
    for name, content in CONTENTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def make_tar(path: Path) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, content in CONTENTS.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def make_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in CONTENTS.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["data.tar.gz", "data.tgz", "data.tar", "data.zip", "data"])
def test_same_names_and_contents_however_packed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    make = make_zip if name.endswith(".zip") else make_folder if name == "data" else make_tar
    report = ImportReport()
    found = list(iter_files(make(path), (".json",), report))
    assert dict(found) == EXPECTED
    assert report.skipped == {OTHER_FILE: 1}
    assert found == list(iter_files(path, (".json",), ImportReport()))


@pytest.mark.parametrize("make", [make_folder, lambda folder: make_zip(folder / "data.zip")])
def test_folders_and_zip_files_come_in_the_order_of_names(tmp_path: Path, make: object) -> None:
    assert callable(make)
    found = iter_files(make(tmp_path), (".json",), ImportReport())
    assert [name for name, _ in found] == sorted(EXPECTED)


def test_archives_in_a_folder_are_read_too(tmp_path: Path) -> None:
    make_tar(tmp_path / "x.tar.gz")
    names = {name for name, _ in iter_files(tmp_path, (".json",), ImportReport())}
    assert names == {f"x.tar.gz/{name}" for name in EXPECTED}


def test_single_files_keep_their_own_name(tmp_path: Path) -> None:
    (tmp_path / "one.json.gz").write_bytes(gzip.compress(b"{}"))
    assert list(iter_files(tmp_path / "one.json.gz", (".json",), ImportReport())) == [("one.json", b"{}")]


def test_hidden_files_and_links_to_folders_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "._one.json").write_bytes(b"1")
    (tmp_path / "two.json").write_bytes(b"2")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert list(iter_files(tmp_path, (".json",), ImportReport())) == [("two.json", b"2")]


def test_names_that_are_not_utf8_become_text(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("caf\udce9.json"), io.BytesIO())
    assert list(iter_files(tmp_path / "x.tar", (".json",), ImportReport())) == [("caf\ufffd.json", b"")]


def test_missing_path_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file or folder"):
        list(iter_files(tmp_path / "nowhere", (".json",), ImportReport()))


@pytest.mark.parametrize(
    ("name", "content"),
    [(name, content) for name in ("x.tar.gz", "x.zip") for content in (b"", b"not an archive")]
    + [("x.json.gz", b"not an archive")],
)
def test_damaged_archives_are_told(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=r"x\..* can't be unpacked"):
        list(iter_files(tmp_path / name, (".json",), ImportReport()))


@pytest.mark.parametrize("name", ["x.tar.gz", "x.zip"])
def test_archives_cut_short_are_told(tmp_path: Path, name: str) -> None:
    path = (make_zip if name == "x.zip" else make_tar)(tmp_path / name)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InvalidInput, match="can't be unpacked"):
        list(iter_files(path, (".json",), ImportReport()))


@pytest.mark.parametrize("name", ["big.json", "big.json.gz"])
def test_members_over_the_limit_are_refused(tmp_path: Path, name: str) -> None:
    content = b" " * 11
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert len(list(iter_files(tmp_path, (".json",), ImportReport(), max_bytes=11))) == 1
    with pytest.raises(InvalidInput, match="larger than 10 bytes"):
        list(iter_files(tmp_path, (".json",), ImportReport(), max_bytes=10))


def test_place_knows_the_folders_above_a_file_however_packed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.json.gz").touch()
    expected = ("a", "one.json")
    assert place(tmp_path / "a" / "one.json.gz", "one.json", 2) == expected
    assert place(tmp_path / "a", "one.json", 2) == expected
    assert place(tmp_path, "a/one.json", 2) == expected
    assert place(make_tar(tmp_path / "x.tar.gz"), "a/one.json", 3) == expected


@pytest.mark.parametrize("name", ["../evil.json", "/tmp/evil.json", "a/../../evil.json", "..\\evil.json"])
@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_an_archive_writes_nothing_wherever_its_members_say_they_belong(
    tmp_path: Path, name: str, suffix: str
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_bytes(b"not for anyone")
    folder = tmp_path / "inbox"
    folder.mkdir()
    archive = folder / f"a{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr(name, b"[]")
    else:
        with tarfile.open(archive, "w:gz" if suffix.endswith("gz") else "w") as packed_too:
            member = tarfile.TarInfo(name)
            member.size = 2
            packed_too.addfile(member, io.BytesIO(b"[]"))
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
                link = tarfile.TarInfo(f"link{kind!r}.json")
                link.type, link.linkname = kind, str(secret)
                packed_too.addfile(link)
    before = sorted(tmp_path.rglob("*"))
    read = [content for _, content in iter_files(archive, (".json",), ImportReport())]
    assert read == ([b"[]"] if name.startswith("/") else [])  # what begins with a dot is passed over
    assert sorted(tmp_path.rglob("*")) == before
