from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from environments.base import StepResult, Task
from environments.errors import Stalled
from evaluation.agents import Propose
from evaluation.closed_loop import PLAYED, Episode, EpisodeFile, World, play, play_all, remembering
from evaluation.worlds import gold_paths
from indexing.errors import PrecedentError
from indexing.library import Library
from indexing.records import Trajectory
from tests.evaluation.errands import ERRANDS, Errands

SETTINGS = {"embedder": "hashing-64", "tokenizer": "words"}
SHOWN = range(0, len(ERRANDS), 2)


def quiet(stage: str, done: int, total: int) -> None:
    pass


def memory_of(folder: Path) -> list[Trajectory]:
    return gold_paths(Errands, [Task("errand", number) for number in SHOWN], folder / "paths.ndjson")


@pytest.fixture
def world(tmp_path: Path) -> World:
    tasks = [Task("errand", number) for number in (1, 25, 77)]
    return World("errands", Errands(), lambda: memory_of(tmp_path), tasks, 12, SETTINGS)


@pytest.fixture
def memory(world: World, tmp_path: Path) -> Iterator[Library]:
    with remembering(world, tmp_path, quiet) as library:
        yield library


def untimed(episodes: list[Episode]) -> list[Episode]:
    return [replace(one, ms=0.0) for one in episodes]


def test_advice_leads_to_success_where_chance_does_not(world: World, memory: Library, tmp_path: Path) -> None:
    file = EpisodeFile(tmp_path / "episodes.jsonl")
    play_all(world, memory, file, quiet)
    won = {name: sum(one.success for one in file.read() if one.variant == name) for name in PLAYED}
    assert won["agentic"] == len(world.tasks)
    assert won["none"] < len(world.tasks)


def test_who_follows_an_expert_takes_no_detour(world: World, memory: Library) -> None:
    live = memory.live("errands")
    episode = play(world, world.tasks[0], live.snapshot, live.builder.lane, "agentic")
    assert (episode.steps, episode.reward, episode.advised) == (4, 1.0, 1.0)


def test_a_run_that_was_cut_off_goes_on_and_ends_as_one_that_was_not(
    world: World, memory: Library, tmp_path: Path
) -> None:
    whole, cut = EpisodeFile(tmp_path / "whole.jsonl"), EpisodeFile(tmp_path / "cut.jsonl")
    play_all(world, memory, whole, quiet)
    cut.path.write_bytes(whole.path.read_bytes()[:-40])
    assert len(cut.read()) == len(whole.read()) - 1
    play_all(world, memory, cut, quiet)
    assert untimed(cut.read()) == untimed(whole.read())


def test_what_was_played_is_not_played_again(world: World, memory: Library, tmp_path: Path) -> None:
    file = EpisodeFile(tmp_path / "episodes.jsonl")
    play_all(world, memory, file, quiet, ["none"])
    before = file.path.read_bytes()
    play_all(world, memory, file, quiet, ["none"])
    assert file.path.read_bytes() == before


class Mute(Errands):
    """Errands that don't tell what may be done."""

    def admissible_actions(self) -> None:  # type: ignore[override]
        return None


def test_where_the_environment_cannot_tell_the_world_proposes(world: World, memory: Library) -> None:
    def propose(task: Task) -> Propose:  # noqa: ARG001
        return lambda situation, advised: [one.action for one in advised]  # noqa: ARG005

    live = memory.live("errands")
    mute = replace(world, environment=Mute(), propose=propose)
    assert play(mute, world.tasks[0], live.snapshot, live.builder.lane, "agentic").success
    assert play(mute, world.tasks[0], live.snapshot, live.builder.lane, "none").steps == 0


def test_the_memory_is_made_once(world: World, memory: Library, tmp_path: Path) -> None:
    generation = memory.live("errands").generation_id

    def never() -> list[Trajectory]:
        raise AssertionError("the memory is there already")

    with remembering(replace(world, memory=never), tmp_path, quiet) as again:
        assert again.live("errands").generation_id == generation


def test_gold_paths_are_kept_and_not_found_again(tmp_path: Path) -> None:
    first = memory_of(tmp_path)
    kept = (tmp_path / "paths.ndjson").read_bytes()
    assert memory_of(tmp_path) == first
    assert (tmp_path / "paths.ndjson").read_bytes() == kept
    assert [step.action for step in first[0].steps] == [
        "enter attic",
        "take lamp",
        "enter cellar",
        "drop lamp",
    ]


class Brittle(Errands):
    """Breaks down over the first so many actions."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def step(self, action: str) -> StepResult:
        self.times -= 1
        if self.times >= 0:
            raise Stalled("the house is dark; ask again later")
        return super().step(action)


def test_an_episode_over_which_the_environment_broke_is_played_anew(
    world: World, memory: Library, tmp_path: Path
) -> None:
    file = EpisodeFile(tmp_path / "episodes.jsonl")
    play_all(replace(world, environment=Brittle(2)), memory, file, quiet, ["agentic"])
    assert [one.success for one in file.read()] == [True] * len(world.tasks)


def test_one_that_stays_broken_is_told_and_what_was_played_is_kept(
    world: World, memory: Library, tmp_path: Path
) -> None:
    file = EpisodeFile(tmp_path / "episodes.jsonl")
    with pytest.raises(PrecedentError, match=r"the house is dark.* --resume goes on from there"):
        play_all(replace(world, environment=Brittle(99)), memory, file, quiet, ["agentic"])
    assert file.read() == []
