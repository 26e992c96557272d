"""What `export` writes, `ingest` reads: nothing of a record is lost, however hostile."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from indexing.formats import ImportReport, read
from indexing.parsing import parse_value
from indexing.records import Document, Record, Step, Trajectory, to_bytes, to_fields
from indexing.store.records import Kind
from tests.support.collections import open_library
from tests.support.shell import Shell, shell_on

NASTY = st.sampled_from(
    ["", " ", "\n", "\r\n", "\u2028", "\u2029", "\x85", "\x0b\x0c\x1c", "\ufeff", "\ufffd", "\U0010ffff",
     "é", "e\u0301", "\\u0000", '"', "\\", "</script>", "\u202e", "[", "[]", "{}", "\x7f", "\x01", "0" * 400]
)  # fmt: skip
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=9) | NASTY
WORDS = TEXT.filter(str.strip)
IDS = TEXT.filter(bool).map(lambda text: text[:512])
NUMBERS = (
    st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([-0.0, 5e-324, 1.7976931348623157e308, 2**53 + 1, -(2**64), 0.1 + 0.2, 1e16, 1.0])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
METADATA = st.none() | st.dictionaries(TEXT, VALUES, max_size=3)
PRESENT = VALUES.filter(lambda value: value is not None)
EXTRA = st.dictionaries(TEXT.map(lambda name: f"x{name}"), PRESENT, max_size=2)
SOURCES = st.builds(
    lambda more, known: more | known,
    EXTRA,
    st.fixed_dictionaries(
        {},
        optional={
            "kind": st.sampled_from(["synthesized", "recorded", "human"]),
            "construction": st.sampled_from(["original", "abstraction", "summary"]),
            "rollout": TEXT,
            "span": st.lists(st.integers(0, 2**70), min_size=2, max_size=2),
            "documents": st.lists(TEXT, max_size=2),
        },
    ),
)
OUTCOMES = st.builds(
    lambda more, known: more | known,
    EXTRA,
    st.fixed_dictionaries({}, optional={"success": st.booleans(), "reward": NUMBERS}),
)
STEPS = st.lists(st.builds(Step, TEXT, TEXT, st.none() | TEXT), min_size=1, max_size=3).map(tuple)
TRAJECTORIES = st.builds(
    Trajectory,
    IDS,
    WORDS,
    STEPS,
    st.none() | TEXT,
    st.none() | SOURCES.filter(bool),  # an empty one is none
    st.none() | OUTCOMES.filter(bool),
    METADATA,
)
DOCUMENTS = st.builds(Document, IDS, TEXT, WORDS, st.none() | TEXT, METADATA)
RECORDS = st.lists(TRAJECTORIES | DOCUMENTS, max_size=20)
ROUNDS = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink takes minutes
)


def by_kind(records: list[Any]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The last of each id, as bytes: 1 and 1.0, 0.0 and -0.0 are equal values, but not the same."""
    kinds = ([one for one in records if isinstance(one, kind)] for kind in (Trajectory, Document))
    trajectories, documents = ({one.id: to_bytes(one) for one in some} for some in kinds)
    return trajectories, documents


def as_sent(record: Record) -> Record:
    if isinstance(record, Trajectory):
        return parse_value(to_fields(record), Trajectory)
    return parse_value(to_fields(record), Document)


@given(RECORDS)
@ROUNDS
def test_exported_records_come_back_byte_for_byte(made: list[Record]) -> None:
    records = [as_sent(one) for one in made]
    assert [to_fields(one) for one in records] == [to_fields(one) for one in made]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with open_library(folder / "from") as library:
            library.create("default", {"embedder": "hashing-64"})
            for record in records:
                kind: Kind = "trajectory" if isinstance(record, Trajectory) else "document"
                library.upsert("default", kind, [record])
        out = folder / "out.ndjson"
        shell_on(folder / "from")("export", "default", "-o", out)
        report = ImportReport()
        assert by_kind(list(read("ndjson", out, report))) == by_kind(records)
        assert (report.errors, report.replaced) == ([], 0)
        if not records:
            return
        shell: Shell = shell_on(folder / "to")
        shell("ingest", out, "--set", "embedder=hashing-64", "--no-index")
        again = folder / "again.ndjson"
        shell("export", "-o", again)
        assert again.read_bytes() == out.read_bytes()
