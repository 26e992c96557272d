"""A run in an environment that hangs for good, as a program that must end all the same."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Event

from environments.alfworld import ALFWorld
from environments.base import StepResult
from tests.environments.household import write_games
from tests.synthesis.workshops import synthesize


class Hanging(ALFWorld):
    """Never answers at the sink, nor when it is to be closed."""

    def step(self, action: str) -> StepResult:
        if action.startswith("go to sinkbasin"):
            Event().wait()
        return super().step(action)

    def close(self) -> None:
        Event().wait()


def main(folder: Path) -> None:
    """One run."""
    games = write_games(folder / "games")
    synthesize(folder / "run", games, make=Hanging, patience_s=0.3)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
