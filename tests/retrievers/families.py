"""Made-up families of tasks, and collections to learn them from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from indexing.building import Builder
from indexing.lane import EmbeddingLane
from indexing.learned import Learned
from indexing.pool import Pool
from indexing.records import Step, Trajectory
from indexing.segment import DocumentSegment, TrajectorySegment
from indexing.settings import CollectionSettings
from indexing.snapshot import Snapshot
from retrievers.learning import learn
from tests.support.collections import analyzer
from tests.support.retrieval import make_lane

THINGS = ("mug", "pen", "book", "lamp", "key", "plate")
PLACES = ("desk", "shelf", "drawer", "sofa", "bed")
WORDS = ("kindly", "now", "please", "today", "quickly", "soon", "again")


def errand(number: int) -> Trajectory:
    """Bring a thing: which way to go is told by the lamp in the hall."""
    thing = THINGS[number % len(THINGS)]
    place = PLACES[number * 7 % len(PLACES)]
    word = WORDS[number * 3 % len(WORDS)]
    lamp, way = (("green", "north"), ("amber", "south"), ("white", "west"))[
        (number * number + number // 4) % 3
    ]
    steps = (
        Step(f"A hall with a {lamp} lamp. Note {number}. Doors lead everywhere.", f"go {way}"),
        Step(f"You see a {place} and a {thing} {number % 4}.", f"take {thing} {number % 4} from {place}"),
        Step(f"You carry the {thing} {number % 4}.", f"give {thing} to {word}"),
    )
    instruction = f"Bring a {thing} from the {place} to errand {number % 90} {word}"
    return Trajectory(f"t{number:05}", instruction, steps, outcome={"success": True})


def errands(count: int, first: int = 0) -> list[Trajectory]:
    """Some ninety tasks, each met several times where there are more."""
    return [errand(number) for number in range(first, first + count)]


BELLS = ("ring", "knock", "wave")
DOORS = ("push", "pull", "slide", "lift", "turn")


def rite(number: int) -> Trajectory:
    """Open a door: how depends on the two things done before, and what is seen has nothing to do with it."""
    draw = Random(number)
    first, second = draw.randrange(3), draw.randrange(3)
    opening = DOORS[(2 * first + second) % len(DOORS)]
    actions = (BELLS[first], BELLS[second], opening)
    steps = tuple(Step(f"Room {draw.randrange(12)} of the tower", action) for action in actions)
    return Trajectory(
        f"r{number:05}", f"Open door {number} for {draw.choice(WORDS)} {draw.choice(PLACES)}", steps
    )


def rites(count: int, first: int = 0) -> list[Trajectory]:
    """As many tasks, each met once."""
    return [rite(number) for number in range(first, first + count)]


def listed(number: int) -> Trajectory:
    """Choose each of a list of two to four things and send them: only the list tells when it is enough."""
    draw = Random(number)
    chosen = draw.sample(THINGS, draw.randint(2, 4))
    actions = [*(f"choose {thing}" for thing in chosen), "send"]
    steps = tuple(Step(f"A form, page {draw.randrange(12)}", action) for action in actions)
    return Trajectory(f"l{number:05}", f"Order {number}: {', '.join(chosen)}", steps)


def answered(number: int) -> Trajectory:
    """Book or not: "yes" means the one where it was asked whether to book, else the other."""
    draw = Random(number)
    question, answer = draw.choice(("book it", "think again")), draw.choice(("yes", "no"))
    book = (question == "book it") == (answer == "yes")
    steps = (
        Step(f"Seat {number} is free", f'say("shall we {question} {number}?")'),
        Step(f"{answer}, please", "book" if book else "wait"),
    )
    return Trajectory(f"a{number:05}", f"Find a seat for guest {number}", steps)


def unwatched(done: int, total: int) -> None:
    """Progress of learning that nobody watches."""


class Bench:
    """Builds snapshots of records as a generation would be built, in memory."""

    def __init__(self, folder: Path) -> None:
        self.lane: EmbeddingLane = make_lane(folder)
        self.builder = Builder(CollectionSettings(tokenizer="words"), analyzer(), self.lane)

    def segment(self, records: Sequence[Trajectory]) -> TrajectorySegment:
        return self.builder.trajectories([self.builder.analyzer.trajectory(one, 1) for one in records])

    def snapshot(self, *parts: Sequence[Trajectory], learned: Learned | None = None) -> Snapshot:
        """A snapshot with a segment for each part; the first one is the generation's."""
        seen: Pool[TrajectorySegment] = Pool([self.segment(part) for part in parts], [])
        told: Pool[DocumentSegment] = Pool([self.builder.documents([])], [])
        return Snapshot("g", self.builder.settings, self.builder.analyzer, seen, told, learned or {})

    def learned(self, records: Sequence[Trajectory]) -> Learned:
        """What is learned of a generation of these records."""
        return learn(self.snapshot(records), unwatched)
