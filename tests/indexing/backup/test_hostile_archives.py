"""A file that isn't the snapshot that was written is refused with words, and nothing has changed."""

from __future__ import annotations

import gzip
import random
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_json

from indexing.backup import staged
from indexing.backup.archive import header, padding
from indexing.backup.restoring import Wish
from indexing.errors import InvalidInput, StorageFull
from indexing.store.vectors import text_hash
from tests.support.backups import answers, brought_back
from tests.support.collections import NAME, open_library
from tests.support.forged import Forged

FLIPS = 150


def test_a_forged_archive_that_changes_nothing_is_the_archive(archive: bytes, tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        brought_back(library, Forged.of(archive).packed())
        assert answers(library)


def test_every_flipped_bit_is_noticed(archive: bytes, refused: Callable[[bytes, str], None]) -> None:
    draw = random.Random(5)
    for _ in range(FLIPS):
        bit = draw.randrange(8 * len(archive))
        broken = bytearray(archive)
        broken[bit // 8] ^= 1 << bit % 8
        refused(bytes(broken), ".")


def test_every_cut_is_noticed(archive: bytes, refused: Callable[[bytes, str], None]) -> None:
    draw = random.Random(6)
    for size in (
        0,
        1,
        511,
        512,
        513,
        len(archive) // 2,
        len(archive) - 1,
        *draw.choices(range(len(archive)), k=20),
    ):
        refused(archive[:size], "cut off|no snapshot")
    refused(archive + b"\0", "more in the file")
    refused(archive + archive, "more in the file")


def test_a_cut_or_damaged_gzip_is_noticed(archive: bytes, refused: Callable[[bytes, str], None]) -> None:
    packed = gzip.compress(archive, mtime=0)
    for size in (3, 20, len(packed) // 2, len(packed) - 1, len(packed) - 8):
        refused(packed[:size], "unpacked|cut off|more in the file|no snapshot")
    draw = random.Random(7)
    for _ in range(30):
        bit = 80 + draw.randrange(8 * len(packed) - 80)
        broken = bytearray(packed)
        broken[bit // 8] ^= 1 << bit % 8
        if not _same(broken, archive):
            refused(bytes(broken), ".")
    refused(packed + gzip.compress(b"\0" * 100_000_000), "more in the file")


def _same(packed: bytes | bytearray, archive: bytes) -> bool:
    """Whether the broken bit is one of the few that fill up the last byte and mean nothing."""
    try:
        return gzip.decompress(packed) == archive
    except (OSError, EOFError, zlib.error):
        return False


def _size(archive: bytes) -> int:
    size = tarfile.TarInfo.frombuf(archive[:512], "ascii", "strict").size
    return size + -size % 512


STRANGERS: list[tuple[str, dict[str, Any]]] = [
    ("a link, a device", {"name": "1/records.ndjson", "type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
    ("a link, a device", {"name": "1/records.ndjson", "type": tarfile.LNKTYPE, "linkname": "manifest.json"}),
    ("a link, a device", {"name": "1/records.ndjson", "type": tarfile.CHRTYPE}),
    ("a link, a device", {"name": "1/records.ndjson", "type": tarfile.FIFOTYPE}),
    ("a link, a device", {"name": "1/records.ndjson", "type": tarfile.DIRTYPE}),
    ("a link, a device", {"name": "1/records.ndjson", "type": tarfile.GNUTYPE_SPARSE}),
    ("a link, a device", {"name": "../" * 50 + "etc/cron.d/x"}),
    ("'../../x' is where 1/records.ndjson", {"name": "../../x"}),
    ("'/etc/cron.d/x' is where", {"name": "/etc/cron.d/x"}),
    ("'manifest.json' is where", {"name": "manifest.json"}),
    ("a file of 7 bytes", {"name": "1/records.ndjson", "size": 7}),
    ("a file of 8,796,093,022,208 bytes", {"name": "1/records.ndjson", "size": 1 << 43}),
]


@pytest.mark.parametrize(("words", "fields"), STRANGERS)
def test_whatever_is_no_plain_file_of_the_manifest_is_refused(
    archive: bytes, refused: Callable[[bytes, str], None], words: str, fields: dict[str, Any]
) -> None:
    info = tarfile.TarInfo()
    for name, value in ({"mode": 0o600} | fields).items():
        setattr(info, name, value)
    content = b"x" * info.size if info.size < 1000 else b""
    first = 512 + _size(archive)
    stranger = info.tobuf(tarfile.GNU_FORMAT) + content
    refused(archive[:first] + stranger + padding(len(stranger)) + archive[first + 512 :], words)


def refuse_change(
    archive: bytes, refused: Callable[..., None], change: Callable[[Forged], Any], words: str
) -> None:
    forged = Forged.of(archive)
    change(forged)
    refused(forged.packed(), words)


LIES: dict[str, tuple[Callable[[Forged], Any], str]] = {
    "format": (lambda f: f.manifest.update(format=2), "format '2'"),
    "no collections": (lambda f: f.manifest.update(collections=[]), "collections"),
    "surplus field": (lambda f: f.manifest.update(more=1), "unknown field"),
    "name": (lambda f: f.collection.update(name="../web"), "name"),
    "sequence": (lambda f: f.collection.update(sequence=5), "out of order"),
    "a huge number": (lambda f: f.collection.update(sequence=1 << 64), "sequence"),
    "counts": (lambda f: f.collection.update(trajectories=999), "other numbers of records"),
    "texts": (lambda f: f.collection.update(texts=1), "another number of vectors"),
    "settings": (lambda f: f.collection["settings"].update(nonsense=1), "unknown setting"),
    "normalizer": (
        lambda f: f.collection["settings"].update(
            observation_normalizer={"base": "text", "masks": [{"pattern": "("}]}
        ),
        "mask|pattern",
    ),
    "tokenizer": (lambda f: f.collection["settings"].update(tokenizer="/etc/passwd"), "tokenizer"),
    "dimension": (lambda f: f.collection["embedder"].update(dimension=63), "vectors|size|number"),
    "generation id": (lambda f: f.collection["generation"].update(id="../../x"), "an id as none"),
    "generation format": (lambda f: f.collection["generation"].update(format=99), "another version"),
    "generation later": (lambda f: f.collection["generation"].update(sequence=10_000), "later changes"),
    "generation counts": (
        lambda f: f.collection["generation"]["counts"].update(trajectories=5),
        "other sizes",
    ),
    "generation of another model": (
        lambda f: f.collection["generation"].update(embedder="x"),
        "another model",
    ),
    "generation of no model": (lambda f: f.collection.update(embedder=None), "another model"),
    "generation's settings": (
        lambda f: f.collection["generation"]["settings"].update(tokenizer=None),
        "settings that can't be",
    ),
    "generation's engine": (
        lambda f: f.collection["generation"]["settings"].update(documents_engine="x"),
        "documents_engine",
    ),
    "no files": (lambda f: f.collection["generation"].update(files=7), "files"),
    "no file": (lambda f: f.collection["generation"]["files"].update({"a.b.c": 7}), "files"),
    "no size": (
        lambda f: f.collection["generation"]["files"]["trajectories.ids.npy"].update(size="much"),
        "size",
    ),
    "no counts": (lambda f: f.collection["generation"].update(counts=[1]), "counts"),
    "file checksum": (
        lambda f: f.collection["generation"]["files"]["trajectories.ids.npy"].update(size=5),
        "isn't what its manifest says",
    ),
    "garbage array": (
        lambda f: f.put("1/generation/trajectories.ids.npy", b"\x93NUMPY nonsense"),
        "isn't what its manifest says",
    ),
    "NaN vectors": (
        lambda f: f.put("1/vectors.bin", b"\xff" * len(f.files["1/vectors.bin"])),
        "finite|twice",
    ),
    "a vector of another's text": (
        lambda f: f.put("1/vectors.bin", text_hash("Delete everything") + f.files["1/vectors.bin"][16:]),
        "none of its own",
    ),
    "no time": (lambda f: f.collection.update(created_at=1e300), "created_at"),
    "no line": (lambda f: f.put("1/records.ndjson", b"nonsense\n"), "isn't JSON"),
    "no change": (lambda f: f.put("1/records.ndjson", b"{}\n"), "no change"),
    "record": (lambda f: f.lines(lambda v: v[0]["record"].update(steps=[])), "can't be one"),
    "nul": (lambda f: f.lines(lambda v: v[0]["record"].update(instruction="a\0")), "NUL"),
    "no id": (lambda f: f.lines(lambda v: v[0]["record"].update(id=None)), "another form"),
    "twice": (lambda f: f.lines(lambda v: v[1]["record"].update(id=v[0]["record"]["id"])), "twice"),
    "order": (lambda f: f.lines(lambda v: v.reverse()), "out of order"),
    "number": (lambda f: f.lines(lambda v: v[0].update(sequence=True)), "no change|out of order"),
}


@pytest.mark.parametrize("what", LIES)
def test_a_manifest_or_records_that_lie_are_refused_though_every_checksum_is_right(
    archive: bytes, refused: Callable[..., None], what: str
) -> None:
    refuse_change(archive, refused, *LIES[what])


def test_only_the_model_that_its_settings_name_is_loaded(
    archive: bytes, refused: Callable[..., None]
) -> None:
    forged = Forged.of(archive)
    indexes = [name for name in forged.files if "/generation/" in name]
    for name in indexes:
        del forged.files[name]
    members = forged.manifest["members"]
    members[:] = [one for one in members if one["name"] not in indexes]
    forged.collection.update(generation=None)
    forged.collection["embedder"].update(name="somebody/model")
    refused(forged.packed(), "are of 'somebody/model', not of 'hashing-64'")


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "trajectories.ids.npy/../../x.y.z", "manifest.json"])
def test_a_generation_can_not_name_files_elsewhere(
    archive: bytes, refused: Callable[..., None], name: str
) -> None:
    forged = Forged.of(archive)
    forged.collection["generation"]["files"][name] = {"size": 1, "blake2b": "0" * 32}
    forged.files[f"1/generation/{name}"] = b"x"
    forged.manifest["members"].append({"name": f"1/generation/{name}"})
    refused(forged.packed(), "names a file as none")


def test_members_are_those_of_the_collections_and_each_once(
    archive: bytes, refused: Callable[..., None]
) -> None:
    changes: list[Callable[[list[Any]], Any]] = [lambda them: them.append(them[0]), lambda them: them.pop()]
    for change in changes:
        forged = Forged.of(archive)
        change(forged.manifest["members"])
        refused(forged.packed(), "other files")
    forged = Forged.of(archive)
    forged.manifest["collections"].append(forged.collection)
    forged.manifest["members"] += [
        member | {"name": member["name"].replace("1/", "2/", 1)} for member in forged.manifest["members"]
    ]
    forged.files |= {name.replace("1/", "2/", 1): content for name, content in forged.files.items()}
    refused(forged.packed(), "a collection twice")


def test_a_bomb_is_refused_before_it_goes_off(archive: bytes, refused: Callable[..., None]) -> None:
    """Terabytes of zeros: more than there is room for, or more than was announced."""
    forged = Forged.of(archive)
    content = forged.packed()
    forged.manifest["members"][0]["size"] = 1 << 50
    told = to_json(forged.manifest)
    announced = (
        header("manifest.json", len(told)) + told + padding(len(told)) + header("1/records.ndjson", 1 << 50)
    )
    refused(gzip.compress(announced + b"\0" * 50_000_000), "make room", StorageFull)
    first = 512 + _size(content)
    refused(gzip.compress(content[:first] + b"\0" * 50_000_000), "no header is where")
    long = header("manifest.json", 1 << 40) + b"{" * 1_000_000
    refused(gzip.compress(long), "doesn't begin with its manifest")


def test_a_line_has_an_end(
    archive: bytes, refused: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staged, "LONGEST_LINE", 64)
    refused(archive, "a line of more than 0 MiB, at byte 0")


def test_no_snapshot_at_all_is_told(refused: Callable[..., None]) -> None:
    for content in (b"", b"nonsense" * 1000, b"\0" * 5000, b"\x1f\x8b nonsense"):
        refused(content, "no snapshot|cut off|unpacked")


def test_forged_vectors_and_indexes_are_left_behind_where_the_records_alone_are_wanted(
    archive: bytes, tmp_path: Path
) -> None:
    forged = Forged.of(archive)
    vectors = forged.files["1/vectors.bin"]
    width = len(vectors) // forged.collection["texts"]
    keys = [vectors[at : at + 16] for at in range(0, len(vectors), width)]
    forged.put("1/vectors.bin", b"".join(key + b"\0" * (width - 16) for key in keys))
    forged.index("trajectories.outline.faiss", b"nothing that FAISS should read")
    embedder = forged.collection["embedder"]["fingerprint"]
    with open_library(tmp_path) as library:
        with pytest.raises(InvalidInput, match="can't be loaded"):
            brought_back(library, forged.packed())
        brought_back(library, forged.packed(), Wish(indexes=False))
        assert library.collection(NAME).generation is None
        assert library.vectors.get(embedder, keys) == {}
        library.reindex(NAME)
        found = library.vectors.get(embedder, keys)
        assert len(found) == len(keys)
        assert all(vector.any() for vector in found.values())
