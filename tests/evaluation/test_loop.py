"""Collections as the memory of what is played: what must stay out of it, and what can't be played."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from environments import places
from environments.base import Task
from environments.places import Place
from evaluation.actors import CHOOSER, borrowed
from evaluation.agents import Advice
from evaluation.closed_loop import EpisodeFile, World
from evaluation.compare import Options
from evaluation.loop import LoopOptions, check, play, prepared, to_be_played, to_be_replayed
from evaluation.worlds import gold_paths
from indexing.errors import InvalidInput
from indexing.library import Library
from indexing.records import Trajectory
from retrievers.situation import Situation
from tests.evaluation.errands import Errands

SETTINGS = {"embedder": "hashing-64", "tokenizer": "words"}
HOUSE = LoopOptions("babyai", ("errand:1-2",), actions=12)


def quiet(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture(autouse=True)
def house(monkeypatch: pytest.MonkeyPatch) -> None:
    """The errands stand where BabyAI would."""
    monkeypatch.setattr(places, "place", lambda *_: Place(Errands, "errands", "a house"))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """A library that knows the first errands, two of them twice, once in other words."""
    records = gold_paths(Errands, [Task("errand", number) for number in range(12)], tmp_path / "gold")
    renamed = [replaced(records[1], "pieces", "Do: take lamp."), replaced(records[2], "again", None)]
    with Library(tmp_path / "data") as library:
        library.create("errands", SETTINGS)
        library.upsert("errands", "trajectory", [*records, *renamed])
        yield library


def replaced(record: Trajectory, name: str, instruction: str | None) -> Trajectory:
    metadata = {"task": "errand", "variation": 1} if instruction else None
    return Trajectory(name, instruction or record.instruction, record.steps, metadata=metadata)


def remembered(library: Library, tmp_path: Path, by: str, loop: LoopOptions = HOUSE) -> list[str]:
    with prepared(library, ["errands"], Options(by=by), loop, tmp_path, quiet) as (world,):
        return sorted(record.id for record in world.memory())


def test_no_instruction_that_is_played_is_remembered_and_no_piece_of_that_task(
    library: Library, tmp_path: Path
) -> None:
    found = remembered(library, tmp_path, "instruction")
    assert len(found) == 10
    assert {"pieces", "again"}.isdisjoint(found)


def test_scenes_can_be_left_out_by_how_an_episode_begins(library: Library, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"all 14 trajectories of errands .* \(by observation\)"):
        remembered(library, tmp_path, "observation")


def test_what_the_metadata_says_can_be_left_out(library: Library, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"has no metadata\.variation; split by another path"):
        remembered(library, tmp_path, "metadata.variation")


def test_how_a_task_begins_is_found_out_once(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = remembered(library, tmp_path, "instruction")

    def never(*_: object) -> None:
        raise AssertionError("it is known how the tasks begin")

    monkeypatch.setattr(Errands, "reset", never)
    assert remembered(library, tmp_path, "instruction") == first


def test_a_collection_is_what_the_agent_goes_by(library: Library, tmp_path: Path) -> None:
    file = EpisodeFile(tmp_path / "episodes.ndjson")
    options = Options(strategies=("none", "agentic", "prior"))
    worlds: list[World]
    with prepared(library, ["errands"], options, HOUSE, tmp_path, quiet) as worlds:
        play(library, worlds, options, CHOOSER, file, quiet)
    won = {
        name: sum(one.success for one in file.read() if one.variant == name)
        for name in options.strategies or ()
    }
    assert won["agentic"] == 2
    assert [one.variant for one in file.read()] == ["none", "agentic"] * 2
    assert {one.family for one in file.read()} == {"errand"}


@pytest.mark.parametrize(
    ("options", "tasks", "says"),
    [
        (Options(), (), "--task: name at least one"),
        (Options(by="metadata.db"), ("errand",), "of a task that is played an environment tells instruction"),
        (Options(strategies=("prior",)), ("errand",), "names none that can be played"),
        (Options(), ("errand:x",), "--task errand:x: write NAME"),
    ],
)
def test_what_cannot_be_played_is_said(options: Options, tasks: tuple[str, ...], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        check(options, LoopOptions("babyai", tasks))


def test_the_agent_alone_plays_and_the_prior_alone_is_replayed() -> None:
    names = ("none", "prior", "agentic")
    assert to_be_played(names) == ("none", "agentic")
    assert to_be_replayed(names) == ("prior", "agentic")


def test_where_an_environment_cannot_tell_what_can_be_done_demonstrations_do() -> None:
    advised = [Advice(text, text, "", "") for text in ("ls", "cat a", "ls")]
    assert borrowed("submit")(Situation("x", (), "y"), advised) == ["ls", "cat a", "submit"]
    assert borrowed(None)(Situation("x", (), "y"), []) == []
