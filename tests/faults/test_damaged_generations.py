"""Every file of a generation cut, and bits flipped by chance: refused, built again, never a wrong answer."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from indexing.library import Library
from indexing.records import JSON, Document
from retrievers.learning import learn
from retrievers.requests import Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from retrievers.strategies import STRATEGIES
from tests.faults.rounds import BIT_FLIPS, CUTS, seeded
from tests.support.collections import NAME, SETTINGS, CountingEmbedder, Embedders, trajectory


@dataclass(frozen=True, slots=True)
class Filled:
    """A data folder with a generation and a delta, the generation's own, and what is answered from them."""

    data: Path
    generation: Path
    answers: list[JSON]

    @property
    def files(self) -> list[Path]:
        return sorted(self.generation.iterdir())


def opened(data: Path, embedders: Embedders) -> Library:
    return Library(data, embedders, learner=learn)


def answers(library: Library) -> list[JSON]:
    """What each strategy answers, but for the generation's name and the time it took."""
    found: list[JSON] = []
    live = library.live(NAME)
    for strategy in STRATEGIES:
        for observation in ("page 3", "nowhere"):
            situation = Situation("Find red 2", (), observation)
            request = Request(situation, strategy, (Query("red", "agent"),), render=True)
            fields = retrieve(live.snapshot, live.builder.lane, request).to_fields()
            del fields["timings_ms"], fields["generation"]
            found.append(fields)
    return found


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    data = tmp_path_factory.mktemp("damaged") / "data"
    with opened(data, Embedders()) as library:
        library.create(NAME, SETTINGS | {"documents_engine": "dense"})
        records = [
            trajectory(f"t{n}", f"Find red {n % 3}", [(f"page {n}", f"click {n}")], metadata={"n": n})
            for n in range(12)
        ]
        library.upsert(NAME, "trajectory", records)
        library.upsert(NAME, "document", [Document("d", "Shapes", "red square")])
        built = library.reindex(NAME)
        late = library.upsert(NAME, "trajectory", [trajectory("late", "Find red 2", [("page 3", "stop")])])
        library.wait(NAME, late.sequence)
        row = library.collection(NAME)
        return Filled(data, library.publisher.root(row.id) / built.id, answers(library))


def cuts(file: Path) -> Iterator[tuple[str, bytes]]:
    """The beginnings of a file that a crash may leave, or a copy that broke off."""
    whole = file.read_bytes()
    for size in sorted({0, 1, len(whole) // 2, len(whole) - 1} - {len(whole)}):
        yield f"{file.name} cut at {size} of {len(whole)}", whole[:size]


def flipped(file: Path, chance: random.Random) -> tuple[str, bytes]:
    """A file with one bit changed."""
    content = bytearray(file.read_bytes())
    bit = chance.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    return f"{file.name} with bit {bit} flipped", bytes(content)


def check_refused(filled: Filled, copy: Path, name: str, damage: str, content: bytes) -> None:
    """Served with one file damaged, the records give the same answers from another generation."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(filled.data, copy)
    generation = copy / filled.generation.relative_to(filled.data)
    (generation / name).write_bytes(content)
    embedders = Embedders()
    with opened(copy, embedders) as library:
        library.start()
        library.wait(NAME, library.collection(NAME).sequence)
        served = library.snapshot(NAME).generation
        assert served != generation.name, f"{damage}: served all the same"
        assert answers(library) == filled.answers, damage
        kept = {row.id: row.state for row in library.catalog.generations(library.collection(NAME).id)}
        assert kept == {generation.name: "failed", served: "ready"}, damage
    made: CountingEmbedder = embedders["hashing-64"]
    assert made.indexed == [], f"{damage}: embedded again"


def test_a_cut_file_is_refused_and_built_again(filled: Filled, tmp_path: Path, fault_round: str) -> None:
    chance = seeded("cuts")
    all_cuts = [(file.name, *cut) for file in filled.files for cut in cuts(file)]
    picked = chance.sample(all_cuts, min(len(all_cuts), CUTS[fault_round]))
    for name, damage, content in picked:
        check_refused(filled, tmp_path / "copy", name, damage, content)
    print(
        f"{len(picked)} of {len(all_cuts)} cuts of {len(filled.files)} files: all refused, answers the same"
    )


def test_a_flipped_bit_is_refused_and_built_again(filled: Filled, tmp_path: Path, fault_round: str) -> None:
    chance = seeded("flips")
    files = [file for file in filled.files if file.stat().st_size]
    for _ in range(BIT_FLIPS[fault_round]):
        file = chance.choice(files)
        check_refused(filled, tmp_path / "copy", file.name, *flipped(file, chance))
    print(f"{BIT_FLIPS[fault_round]:,} flips in {len(files)} files: all refused, answers the same")
