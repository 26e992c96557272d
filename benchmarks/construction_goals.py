"""What a span of a BabyAI rollout reached, as BabyAI would ask for it: goals named in hindsight, by rule.

No model: the goal is read off the span's last action and what it changed, so that it is true of the span
and says nothing about how well a model would name it. A span whose end reached nothing gets no goal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from retrievers.language_model import ScriptedModel
from synthesis.prompts import Told, told_in

UNNAMED = "—"
"""The answer for a span that reached nothing: no instruction, so that it counts as unreadable."""

AHEAD = (1, 0)
BESIDE_AHEAD = ((2, 0), (1, -1), (1, 1))
MOVES = frozenset({"turn left", "turn right", "go forward"})

_THING = re.compile(
    r"- an? (?:(?P<state>locked|closed|open) )?(?P<name>\w+ (?:ball|box|key|door))"
    r"(?: (?P<ahead>\d+) steps? ahead)?(?:(?: and)? (?P<aside>\d+) steps? to the (?P<side>left|right))?"
)
_CARRIED = re.compile(r"You carry an? (.+)\.")


@dataclass(frozen=True, slots=True)
class View:
    """What an observation tells: each thing's name and state by its place, and what is carried."""

    things: dict[tuple[int, int], tuple[str, str | None]]
    carried: str | None

    @classmethod
    def of(cls, observation: str) -> View:
        """An observation of `environments.babyai`, read back."""
        things, carried = {}, None
        for line in observation.split("\n"):
            if found := _THING.fullmatch(line):
                aside = int(found["aside"] or 0) * (-1 if found["side"] == "left" else 1)
                things[int(found["ahead"] or 0), aside] = found["name"], found["state"]
            elif found := _CARRIED.fullmatch(line):
                carried = found[1]
        return cls(things, carried)


def reached(before: str, action: str, after: str) -> str | None:
    """The goal that an action has reached; None where it reached nothing that BabyAI asks for.

    >>> reached("You carry nothing.", "pick up", "You carry a red ball.")
    'pick up the red ball'
    """
    old, new = View.of(before), View.of(after)
    thing, state = new.things.get(AHEAD, (None, None))
    was, was_state = old.things.get(AHEAD, (None, None))
    if action == "pick up" and new.carried and not old.carried:
        return f"pick up the {new.carried}"
    if action == "drop" and old.carried and not new.carried:
        beside = [new.things[place][0] for place in BESIDE_AHEAD if place in new.things]
        return f"put the {old.carried} next to the {beside[0]}" if beside else None
    if action == "toggle" and thing == was and state == "open" != was_state:
        return f"open the {thing}"
    if action in MOVES and thing and (thing, state) != (was, was_state):
        return f"go to the {thing}"
    return None


def goal(told: Told) -> str | None:
    """The goal that a span's last action has reached."""
    last = max(told.actions)
    return reached(told.observations.get(last - 1, ""), told.actions[last], told.observations.get(last, ""))


def namer() -> ScriptedModel:
    """A model of role "construct" that names goals in hindsight."""
    return ScriptedModel(lambda _, prompt: goal(told_in(prompt)) or UNNAMED, "hindsight")
