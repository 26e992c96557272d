"""How one who knows where everything is does an ALFWorld task: fetch, change, put away."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from environments.pddl import Expression, Move, World

CHANGES = {"isclean": "cleanobject", "ishot": "heatobject", "iscool": "coolobject"}
STATIONS = {"cleanobject": "sinkbasintype", "heatobject": "microwavetype", "coolobject": "fridgetype"}


@dataclass(frozen=True, slots=True)
class Errand:
    """What a goal comes down to: so many things of a kind, changed so, put there or held under a lamp."""

    thing: str
    place: str | None
    lamp: str | None
    change: str | None
    count: int


def expert_moves(world: World, moves: Callable[[], Collection[Move]]) -> Iterator[Move]:
    """Each next move, from the moves there are at that time; ends where it knows no further."""
    goal = errand(world.goal)
    hand = _Hand(world, moves)
    place = hand.place_for(goal)
    for thing in hand.choose(goal, place):
        yield from hand.fetch(thing)
        if goal.change is not None:
            yield from hand.change(thing, CHANGES[goal.change])
        if place is not None:
            yield from hand.go(place)
            yield from hand.do("openobject", r=place)
            yield from hand.do("putobject", o=thing, r=place)
        else:
            yield from hand.light(goal.lamp)


def errand(goal: Expression) -> Errand:
    """Read a goal of one of ALFWorld's six types of task."""
    facts = list(_facts(goal))
    lamps = {fact[1] for fact in facts if fact[0] == "istoggled"}
    kinds = [(fact[1], fact[2]) for fact in facts if fact[0] == "objecttype"]
    things = [(variable, kind) for variable, kind in kinds if variable not in lamps]
    return Errand(
        thing=things[0][1] if things else "",
        place=next((fact[2] for fact in facts if fact[0] == "receptacletype"), None),
        lamp=next((kind for variable, kind in kinds if variable in lamps), None),
        change=next((fact[0] for fact in facts if fact[0] in CHANGES), None),
        count=len(set(things)),
    )


class _Hand:
    def __init__(self, world: World, moves: Callable[[], Collection[Move]]) -> None:
        self._world = world
        self._moves = moves

    def place_for(self, goal: Errand) -> str | None:
        """The place of the wanted type that holds most of the wanted things already."""
        places = [place for place, kind in self._world.among("receptacletype") if kind == goal.place]
        return max(places, key=lambda place: len(self._there(goal, place)), default=None)

    def choose(self, goal: Errand, place: str | None) -> list[str]:
        """Things to fetch, as many as are still wanted."""
        there = self._there(goal, place) if goal.change is None else []
        placed = {thing for thing, _ in self._world.among("inreceptacle")}
        ready = [
            thing
            for thing, kind in self._world.among("objecttype")
            if kind == goal.thing and thing in placed and thing not in there
        ]
        return ready[: max(0, goal.count - len(there))]

    def fetch(self, thing: str) -> Iterator[Move]:
        where = next(place for held, place in self._world.among("inreceptacle") if held == thing)
        yield from self.go(where)
        yield from self.do("openobject", r=where)
        yield from self.do("pickupobject", o=thing, r=where)

    def change(self, thing: str, how: str) -> Iterator[Move]:
        kind = {"cleanobject": "sinkbasintype", "heatobject": "microwavetype", "coolobject": "fridgetype"}[
            how
        ]
        place = next((place for place, kind_ in self._world.among("receptacletype") if kind_ == kind), None)
        if place is not None:
            yield from self.go(place)
            yield from self.do(how, o=thing, r=place)

    def light(self, lamp: str | None) -> Iterator[Move]:
        lamps = {thing for thing, kind in self._world.among("objecttype") if kind == lamp}
        where = next(((thing, r) for thing, r in self._world.among("inreceptacle") if thing in lamps), None)
        if where is not None:
            yield from self.go(where[1])
            yield from self.do("toggleobject", o=where[0])

    def go(self, place: str) -> Iterator[Move]:
        yield from self.do("gotolocation", r=place)

    def do(self, name: str, **bound: str) -> Iterator[Move]:
        """A move, where there is such a one: who is there already need not go."""
        wanted = {f"?{variable}": value for variable, value in bound.items()}
        for move in list(self._moves()):
            if move.name == name and wanted.items() <= move.binding.items():
                yield move
                return

    def _there(self, goal: Errand, place: str | None) -> list[str]:
        wanted = {thing for thing, kind in self._world.among("objecttype") if kind == goal.thing}
        return [
            thing for thing, where in self._world.among("inreceptacle") if where == place and thing in wanted
        ]


def _facts(goal: Expression) -> Iterator[tuple[str, ...]]:
    if isinstance(goal, tuple) and goal and goal[0] not in ("not", "="):
        if goal[0] in ("and", "or", "exists"):
            for part in goal[1:]:
                yield from _facts(part)
        else:
            yield tuple(str(part) for part in goal)
