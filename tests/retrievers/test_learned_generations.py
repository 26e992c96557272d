"""What is learned lives and dies with its generation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexing.errors import CorruptGeneration
from indexing.generations import LEARNED, verify
from indexing.library import Library
from indexing.records import JSON, Trajectory
from retrievers import learning
from retrievers.learning import learn
from retrievers.policy import POLICY
from retrievers.query_writers.template import template_query
from retrievers.ranker import MODEL, FittedRanker, RuleRanker, ranker_of
from retrievers.requests import Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from tests.retrievers.families import errands, listed, rite, rites
from tests.support.collections import NAME, SETTINGS, Embedders

ENOUGH = 32


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer trajectories are enough to learn from, and fewer moments are looked at."""
    monkeypatch.setattr(learning, "LEAST_TRAJECTORIES", ENOUGH)
    monkeypatch.setattr(learning, "MOMENTS", 40)
    monkeypatch.setattr(learning, "ROUNDS", 20)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with opened(tmp_path) as made:
        made.create(NAME, SETTINGS)
        yield made


def opened(folder: Path) -> Library:
    return Library(folder, Embedders(), learner=learn)


def write(library: Library, records: list[Trajectory]) -> None:
    library.wait(NAME, library.upsert(NAME, "trajectory", records).sequence)


def answers(library: Library) -> list[JSON]:
    live = library.live(NAME)
    found = []
    for number in range(500, 503):
        record = rite(number)
        for place, step in enumerate(record.steps):
            situation = Situation(record.instruction, record.steps[:place], step.observation)
            query = Query(template_query(situation), "template")
            answer = retrieve(live.snapshot, live.builder.lane, Request(situation, queries=(query,)))
            fields = answer.to_fields()
            del fields["timings_ms"], fields["generation"]
            found.append(fields)
    return found


def folder_of(library: Library) -> Path:
    root = library.publisher.root(library.collection(NAME).id)
    return root / library.snapshot(NAME).generation


def is_fitted(library: Library) -> bool:
    return isinstance(ranker_of(library.snapshot(NAME)), FittedRanker)


def test_reindexing_what_has_grown_fits_a_ranker_to_it(library: Library) -> None:
    write(library, rites(10))
    library.reindex(NAME)
    assert not is_fitted(library)
    write(library, rites(ENOUGH - 10, 10))
    assert not is_fitted(library)
    library.reindex(NAME)
    first = library.snapshot(NAME).learned[MODEL]
    assert is_fitted(library)
    write(library, rites(ENOUGH, 100))
    assert library.snapshot(NAME).learned[MODEL] == first
    library.reindex(NAME)
    assert library.snapshot(NAME).learned[MODEL] != first
    library.rollback(NAME)
    assert library.snapshot(NAME).learned[MODEL] == first
    assert all(fields["demonstrations"] for fields in answers(library))


def test_records_without_a_generation_are_ranked_by_rule(library: Library) -> None:
    assert all(not fields["demonstrations"] for fields in answers(library))
    write(library, rites(ENOUGH))
    assert isinstance(ranker_of(library.snapshot(NAME)), RuleRanker)
    assert all(len(fields["demonstrations"]) == 10 for fields in answers(library))


def test_an_empty_generation_learns_nothing_and_what_comes_after_is_found(library: Library) -> None:
    library.reindex(NAME)
    assert dict(library.snapshot(NAME).learned) == {}
    write(library, rites(3))
    assert all(len(fields["demonstrations"]) == 3 for fields in answers(library))


def test_answers_are_the_same_after_a_restart(library: Library, tmp_path: Path) -> None:
    write(library, rites(ENOUGH))
    library.reindex(NAME)
    write(library, errands(5) + rites(5, 100))
    library.delete(NAME, "trajectory", rite(3).id)
    before = answers(library)
    for _ in range(2):
        with opened(tmp_path) as again:
            again.wait(NAME, again.collection(NAME).sequence)
            assert answers(again) == before
            assert is_fitted(again)


def test_two_builds_of_the_same_records_learn_the_same(library: Library) -> None:
    write(library, rites(ENOUGH))
    library.reindex(NAME)
    first = dict(library.snapshot(NAME).learned)
    library.reindex(NAME)
    assert dict(library.snapshot(NAME).learned) == first


class Cancelled(Exception):
    """Whoever asked for it doesn't want it any more."""


@pytest.mark.parametrize("at", [0, 7], ids=["policy", "ranker"])
def test_a_build_that_is_cancelled_while_it_learns_changes_nothing(library: Library, at: int) -> None:
    write(library, rites(ENOUGH))
    served = library.reindex(NAME).id
    write(library, rites(ENOUGH, 100))
    before = answers(library)
    told: list[tuple[int, int]] = []

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "learning":
            told.append((done, total))
            if done == at:
                raise Cancelled

    with pytest.raises(Cancelled):
        library.reindex(NAME, progress=progress)
    assert sorted(set(told)) == [(done, 40) for done in range(at + 1)]
    assert library.snapshot(NAME).generation == served
    assert answers(library) == before
    assert [path.name for path in folder_of(library).parent.iterdir()] == [served]


DAMAGES = ("flipped", "cut", "emptied", "gone")


def test_damage_to_any_file_of_what_was_learned_is_seen(library: Library) -> None:
    write(library, rites(ENOUGH) + [listed(number) for number in range(10)])
    library.reindex(NAME)
    row = library.catalog.generation(library.snapshot(NAME).generation)
    assert row is not None
    folder = folder_of(library)
    names = sorted(path.name for path in folder.glob(f"{LEARNED}*"))
    known = ("advice.json", "advice.u64", "focus.u64", "named.u32", "named.u8", POLICY, MODEL, "words.json")
    assert names == [f"{LEARNED}{name}" for name in known]
    for name in names:
        whole = (folder / name).read_bytes()
        for how in DAMAGES:
            damage(folder / name, how)
            with pytest.raises(CorruptGeneration, match=name):
                verify(folder, row.manifest)
            (folder / name).write_bytes(whole)
    verify(folder, row.manifest)


@pytest.mark.parametrize("how", ["flipped", "gone"])
def test_what_was_learned_and_is_damaged_is_refused_and_learned_again(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as library:
        library.create(NAME, SETTINGS)
        write(library, rites(ENOUGH))
        library.reindex(NAME)
        before, folder = answers(library), folder_of(library)
    damage(folder / f"{LEARNED}{MODEL}", how)
    with opened(tmp_path) as library:
        assert answers(library) == before
        assert is_fitted(library)
        assert folder_of(library) != folder
        assert "is refused" in caplog.text


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "flipped":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    else:
        path.write_bytes(b"" if how == "emptied" else content[: len(content) // 2])


def test_a_learner_of_ones_own_is_opaque(tmp_path: Path) -> None:
    kept = {"notes.bin": bytes(range(256)), "empty.txt": b""}
    with Library(tmp_path, Embedders(), learner=lambda snapshot, progress: kept) as library:  # noqa: ARG005
        library.create(NAME, SETTINGS)
        library.reindex(NAME)
        assert dict(library.snapshot(NAME).learned) == kept
    with Library(tmp_path, Embedders()) as library:
        assert dict(library.snapshot(NAME).learned) == kept
        library.reindex(NAME)
        assert dict(library.snapshot(NAME).learned) == {}
