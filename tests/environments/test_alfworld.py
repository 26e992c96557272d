from __future__ import annotations

import json
import tarfile
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest

from environments.alfworld import ALFWorld, describe, joined, listed
from environments.alfworld_games import names
from environments.base import Task
from environments.errors import MissingEnvironment, NoEpisode, UnknownTask
from environments.pddl import World, parse
from tests.contract.environment import EnvironmentContract
from tests.environments.household import DOMAIN, GOALS, problem, write_games

CLEAN = Task("put_clean")
CLEANED = (
    "go to shelf 1",
    "take cup 1 from shelf 1",
    "go to sinkbasin 1",
    "clean cup 1 with sinkbasin 1",
    "go to chest 1",
    "open chest 1",
    "put cup 1 in/on chest 1",
)


@pytest.fixture
def games(tmp_path: Path) -> Path:
    return write_games(tmp_path)


class TestContract(EnvironmentContract):
    task = CLEAN
    winning = CLEANED

    @pytest.fixture(autouse=True)
    def _games(self, games: Path) -> None:
        self.games = games

    def make(self) -> ALFWorld:
        return ALFWorld(self.games)


def test_an_episode_reads_as_the_published_demonstrations_do(games: Path) -> None:
    world = ALFWorld(games)
    start = world.reset(CLEAN)
    assert start.instruction == "put a clean cup in chest."
    assert start.observation == (
        "You are in the middle of a room. Looking quickly around you, you see "
        "a chest 1, a shelf 1, a shelf 2, and a sinkbasin 1."
    )
    assert [world.step(action).observation for action in CLEANED] == [
        "You arrive at loc 2. On the shelf 1, you see a cup 1.",
        "You pick up the cup 1 from the shelf 1.",
        "You arrive at loc 1. On the sinkbasin 1, you see nothing.",
        "You clean the cup 1 using the sinkbasin 1.",
        "You arrive at loc 3. The chest 1 is closed.",
        "You open the chest 1. The chest 1 is open. In it, you see a cup 2.",
        "You put the cup 1 in/on the chest 1.",
    ]


def test_looking_around_costs_a_step_and_changes_nothing(games: Path) -> None:
    world = ALFWorld(games)
    start = world.reset(CLEAN)
    assert world.step("look").observation == start.observation
    assert world.step("inventory").observation == "You are not carrying anything."
    assert world.step("take cup 1 from shelf 1").observation == "Nothing happens."
    world.step("go to shelf 1")
    assert (
        world.step("look").observation
        == "You are facing the shelf 1, and shelf 2. Next to it, you see nothing."
    )
    assert world.step("use lamp 1").observation == "You turn on the lamp 1."
    world.step("take cup 1 from shelf 1")
    assert world.step("inventory").observation == "You are carrying: a cup 1."
    assert world.step("examine cup 1").observation == "There's nothing special about cup 1."
    assert world.step("examine shelf 2").observation == "On the shelf 2, you see a lamp 1."


def test_things_are_described_by_what_was_done_to_them() -> None:
    facts = (
        "(isHot Cup_bar_1) (isClean Cup_bar_1) (isCool Cup_bar_2) (isSliced Cup_bar_2) (isToggled Lamp_bar_1)"
    )
    world = World(parse(DOMAIN, problem("put_two-Cup").replace("(openable Chest_bar_1)", facts)))
    assert describe(world, "cup_bar_1", "cup 2") == "This is a hot and clean cup 2."
    assert describe(world, "cup_bar_2", "cup 1") == "This is a cold sliced cup 1."
    assert describe(world, "lamp_bar_1", "lamp 1") == "This lamp 1 is on."


@pytest.mark.parametrize("game", sorted(GOALS))
def test_the_expert_wins(games: Path, game: str) -> None:
    world = ALFWorld(games)
    world.reset(Task(f"small/{game}/trial_1"))
    for action in world.expert_actions():
        assert action in world.admissible_actions()
        result = world.step(action)
    assert (result.done, result.success) == (True, True)


def test_an_episode_ends_at_its_limit(games: Path) -> None:
    world = ALFWorld(games, step_limit=2)
    world.reset(CLEAN)
    assert not world.step("look").done
    result = world.step("look")
    assert (result.done, result.success) == (True, False)
    assert world.admissible_actions() == []
    with pytest.raises(NoEpisode):
        next(world.expert_actions())


def test_a_name_stands_for_a_game_a_type_or_a_split(games: Path) -> None:
    world = ALFWorld(games)
    every = [f"small/{name}/trial_1" for name in sorted(GOALS)]
    assert world.games("small") == every
    assert world.games("put_two") == world.games("small/put_two") == world.games(every[2]) == [every[2]]
    assert world.games("put") == world.games("") == []
    assert world.reset(Task("small", 0)).instruction == "look at cup under the lamp."
    with pytest.raises(UnknownTask, match="small has games 0 to 2, not 3"):
        world.reset(Task("small", 3))


def test_games_may_stay_in_their_archive(games: Path, tmp_path: Path) -> None:
    archive = tmp_path / "games.tar.gz"
    with tarfile.open(archive, "w:gz") as files:
        files.add(games / "small", "outermost/small")
    packed, unpacked = ALFWorld(archive), ALFWorld(games)
    assert packed.games("small") == unpacked.games("small")
    assert packed.reset(CLEAN) == unpacked.reset(CLEAN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "no game.tw-pddl of ALFWorld's"),
        ("{", "no game.tw-pddl of ALFWorld's"),
        (json.dumps({"pddl_domain": DOMAIN, "pddl_problem": "(", "grammar": ""}), "no complete"),
        (
            json.dumps({"pddl_domain": DOMAIN, "pddl_problem": problem("put_two-Cup"), "grammar": ""}),
            "what the task",
        ),
    ],
)
def test_a_broken_game_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "game.tw-pddl").write_text(text)
    with pytest.raises(UnknownTask, match=message):
        ALFWorld(tmp_path).reset(Task("broken"))


def test_without_games_the_error_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingEnvironment, match="name their folder"):
        ALFWorld(tmp_path / "nowhere").reset(CLEAN)


def test_lists_and_numbers() -> None:
    assert (listed([]), joined(["a", "b"]), joined(["a", "b", "c"])) == ("nothing", "a, and b", "a, b, and c")
    assert names(["cup_bar_2", "cup_bar_1", "robot", "sink_bar_1", "sink_bar_1_bar_sinkbasin"]) == {
        "cup_bar_1": "cup 2",
        "cup_bar_2": "cup 1",
        "robot": "robot",
        "sink_bar_1": "sink 1",
        "sink_bar_1_bar_sinkbasin": "sinkbasin 1",
    }


def test_the_expert_wins_every_published_game(shared_data: Path) -> None:
    world = ALFWorld(shared_data / "alfworld_games" / "json_2.1.1_games.tar.gz")
    assert (len(world.games("train")), len(world.games("valid_unseen"))) == (54, 63)
    for game in world.games("train") + world.games("valid_unseen"):
        world.reset(Task(game))
        won = [world.step(action).success for action in world.expert_actions()]
        assert won[-1], game


def test_published_demonstrations_play_out_word_for_word(shared_data: Path) -> None:
    world = ALFWorld(shared_data / "alfworld_games" / "json_2.1.1_games.tar.gz")
    starts: dict[tuple[str, str], list[str]] = {}
    for game in world.games("train"):
        start = world.reset(Task(game))
        starts.setdefault((start.instruction, start.observation), []).append(game)
    with zipfile.ZipFile(shared_data / "alfworld_trad" / "traj.zip") as files:
        runs = [json.loads(files.read(name)) for name in files.namelist() if name.endswith(".json")]
    played = 0
    for run in runs:
        entries = run["traj"]
        for game in starts.get((run["task"], entries[0]["obs"]), ()):
            world.reset(Task(game))
            for entry, after in pairwise(entries):
                result = world.step(entry["act"])
                if result.observation != after["obs"] or result.done:
                    break
            played += result.success and result.observation == entries[-1]["obs"]
    assert played == 12
