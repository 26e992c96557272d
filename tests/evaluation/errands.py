"""A tiny world of errands: fetch a thing from where it lies and bring it somewhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from environments.base import Start, StepResult, Task

THINGS = ("lamp", "book", "plant", "kettle")
PLACES = ("attic", "cellar", "garden", "office", "porch")
ERRANDS = [(thing, lies, wanted) for thing, lies, wanted in product(THINGS, PLACES, PLACES) if lies != wanted]


class Errands:
    """Task "errand" has as many variations as there are things and pairs of places."""

    def __init__(self) -> None:
        self.closed = False
        self.begin(0)

    def begin(self, variation: int) -> None:
        self.thing, self.lies, self.wanted = ERRANDS[variation]
        self.here, self.carried, self.done = "hall", False, False

    def reset(self, task: Task) -> Start:
        self.begin(task.variation)
        return Start(
            f"The {self.thing} lies in the {self.lies}; bring it to the {self.wanted}.", self.observation
        )

    @property
    def observation(self) -> str:
        lying = [] if self.carried or self.here != self.lies else [self.thing]
        return f"You are in the {self.here}. Here lies {' and '.join(lying) or 'nothing'}."

    def step(self, action: str) -> StepResult:
        verb, _, name = action.partition(" ")
        if action in self._possible():
            match verb:
                case "enter":
                    self.here = name
                case "take":
                    self.carried = True
                case _:
                    self.carried, self.lies = False, self.here
                    self.done = self.here == self.wanted
        return StepResult(self.observation, float(self.done), self.done, self.done)

    def admissible_actions(self) -> Sequence[str]:
        return self._possible()

    def _possible(self) -> list[str]:
        moves = [f"enter {place}" for place in PLACES if place != self.here]
        takes = [f"take {self.thing}"] if self.here == self.lies and not self.carried else []
        return sorted([*moves, *takes, *([f"drop {self.thing}"] if self.carried else [])])

    def expert_actions(self) -> Iterator[str]:
        yield from (
            f"enter {self.lies}", f"take {self.thing}", f"enter {self.wanted}", f"drop {self.thing}"
        )  # fmt: skip

    def close(self) -> None:
        self.closed = True
