"""ALFWorld: household tasks in text, made from ALFRED's rooms (Shridhar et al., ICLR 2021).

A game file holds a planning problem, which is played here as it stands (`environments.pddl`). The
wording is that of ALFWorld's first releases, in which its published demonstrations are written: an
observation is the answer to the last action and no more, the first one names what stands in the room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from environments.alfworld_expert import expert_moves
from environments.alfworld_games import Games, names
from environments.base import Start, StepResult, Task
from environments.errors import NoEpisode, UnknownTask
from environments.pddl import Move, World

COMMANDS: Mapping[str, str] = {
    "look": "look",
    "inventory": "inventory",
    "examinereceptacle": "examine {r}",
    "examineobject": "examine {o}",
    "gotolocation": "go to {r}",
    "openobject": "open {r}",
    "closeobject": "close {r}",
    "pickupobject": "take {o} from {r}",
    "putobject": "put {o} in/on {r}",
    "cleanobject": "clean {o} with {r}",
    "heatobject": "heat {o} with {r}",
    "coolobject": "cool {o} with {r}",
    "toggleobject": "use {o}",
    "sliceobject": "slice {co} with {ko}",
}
ANSWERS: Mapping[str, str] = {
    "closeobject": "You close the {r}.",
    "pickupobject": "You pick up the {o} from the {r}.",
    "putobject": "You put the {o} in/on the {r}.",
    "cleanobject": "You clean the {o} using the {r}.",
    "heatobject": "You heat the {o} using the {r}.",
    "coolobject": "You cool the {o} using the {r}.",
    "toggleobject": "You turn on the {o}.",
    "sliceobject": "You sliced the {co} with the {ko}.",
}
REFUSED = "Nothing happens."


class ALFWorld:
    """A task is a game's path, a task type or a split, and which of the games so named, in order."""

    def __init__(self, games: Path, step_limit: int = 50) -> None:
        """`games` is their folder, or a `.tar.gz` of it."""
        self._games = Games(games)
        self._step_limit = step_limit
        self._world: World | None = None
        self._names: Mapping[str, str] = {}
        self._moves: Mapping[str, Move] = {}
        self._steps = 0

    def reset(self, task: Task) -> Start:
        matching = self._games.matching(task.name)
        if not matching:
            raise UnknownTask(f"ALFWorld has no game, task type or split {task.name!r} here")
        if not 0 <= task.variation < len(matching):
            raise UnknownTask(f"{task.name} has games 0 to {len(matching) - 1}, not {task.variation}")
        game = self._games.load(matching[task.variation])
        self._world = World(game.problem)
        self._names = names({name for fact in game.problem.facts for name in fact[1:]})
        self._steps = 0
        self._look_for_moves(self._world)
        return Start(game.instruction, self._around(self._world))

    def step(self, action: str) -> StepResult:
        if self._world is None:
            raise NoEpisode("ALFWorld: call reset first; an episode that is over takes no action")
        world, move = self._world, self._moves.get(action.strip())
        self._steps += 1
        if move is None:
            observation = REFUSED
        else:
            world.apply(move)
            observation = self._answer(world, move)
        won = world.solved()
        done = won or self._steps >= self._step_limit
        self._look_for_moves(None if done else world)
        return StepResult(observation, float(won), done, won)

    def admissible_actions(self) -> Sequence[str]:
        return sorted(self._moves)

    def expert_actions(self) -> Iterator[str]:
        """The actions of one who knows where everything is."""
        if self._world is None:
            raise NoEpisode("ALFWorld: call reset first")
        for move in expert_moves(self._world, lambda: self._moves.values()):
            yield self._command(move)

    def close(self) -> None:
        self._world, self._moves = None, {}

    def games(self, name: str) -> list[str]:
        """The games that a task's name stands for; their places in this list are its variations."""
        return self._games.matching(name)

    def _look_for_moves(self, world: World | None) -> None:
        self._world = world
        moves = sorted(world.moves(), key=lambda move: sorted(move.binding.items())) if world else ()
        self._moves = {self._command(move): move for move in moves if move.name in COMMANDS}

    def _command(self, move: Move) -> str:
        return COMMANDS[move.name].format(**self._called(move))

    def _called(self, move: Move) -> dict[str, str]:
        return {name.strip("?"): self._names.get(value, value) for name, value in move.binding.items()}

    def _answer(self, world: World, move: Move) -> str:
        called, bound = self._called(move), {name.strip("?"): value for name, value in move.binding.items()}
        match move.name:
            case "gotolocation":
                return f"You arrive at {called['lend']}. {self._contents(world, bound['r'])}"
            case "openobject":
                return f"You open the {called['r']}. {self._contents(world, bound['r'])}"
            case "examinereceptacle":
                return self._contents(world, bound["r"])
            case "examineobject":
                return describe(world, bound["o"], called["o"])
            case "look":
                return self._around(world)
            case "inventory":
                held = sorted(self._names[thing] for _, thing in world.among("holds"))
                return f"You are carrying: {listed(held)}." if held else "You are not carrying anything."
        return ANSWERS[move.name].format(**called)

    def _contents(self, world: World, place: str) -> str:
        inside = sorted(self._names[thing] for thing, where in world.among("inreceptacle") if where == place)
        name = self._names[place]
        if not world.holds("openable", place):
            return f"On the {name}, you see {listed(inside)}."
        if not world.holds("opened", place):
            return f"The {name} is closed."
        return f"The {name} is open. In it, you see {listed(inside)}."

    def _around(self, world: World) -> str:
        here = {place for _, place in world.among("atlocation")}
        places = [(self._names[r], where in here) for r, where in world.among("receptacleatlocation")]
        near = sorted(name for name, is_near in places if is_near)
        if near:
            return f"You are facing the {joined(near)}. Next to it, you see nothing."
        standing = sorted({name for name, _ in places})
        return f"You are in the middle of a room. Looking quickly around you, you see {listed(standing)}."


def describe(world: World, thing: str, name: str) -> str:
    """A thing looked at closely."""
    if world.holds("isreceptacleobject", thing):
        return f"This is a normal {name}. In it, you see nothing."
    state = [word for word, fact in (("hot", "ishot"), ("cool", "iscool")) if world.holds(fact, thing)]
    state += ["clean"] if world.holds("isclean", thing) else []
    state = [" and ".join(state)] if state else []
    state += ["sliced"] if world.holds("issliced", thing) else []
    if state:
        return f"This is a {' '.join('cold' if word == 'cool' else word for word in state)} {name}."
    if world.holds("toggleable", thing):
        return f"This {name} is {'on' if world.holds('istoggled', thing) else 'off'}."
    return f"There's nothing special about {name}."


def listed(things: Sequence[str]) -> str:
    """Things as ALFWorld lists them, each with its article."""
    return joined([f"a {thing}" for thing in things]) or "nothing"


def joined(things: Sequence[str]) -> str:
    """One; "one, and two"; "one, two, and three"."""
    return ", ".join([*things[:-1], f"and {things[-1]}"]) if len(things) > 1 else "".join(things)
