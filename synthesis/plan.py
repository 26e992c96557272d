"""What a run makes of what: its settings, kept in its folder, the same at every resumption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from pydantic_core import from_json, to_json

from environments.base import Task
from indexing.errors import InvalidInput
from indexing.records import JSON
from synthesis.committee import Rule
from synthesis.construction import CONSTRUCTIONS, Construction
from synthesis.spans import MIX, Bucket

FILE = "plan.json"

Road: TypeAlias = Literal["instruct", "tutorial", "explore"]
ROADS: tuple[Road, ...] = get_args(Road)
REPLAY = ("replay",)
"""The judges of a run in which no model judges, nor acts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of a run.

    The `road` is where tasks come from: written from documents (`instruct`), taught by them (`tutorial`),
    or named after exploring (`explore`). `each` instructions are written per passage of a document, and
    tried on the `tasks` in turn; without documents every task is tried with the environment's own
    instruction. `spans` are drawn from each rollout at the most, by `shares` of their lengths; None takes
    all n(n+1)/2. `alike` is the Jaccard likeness from which a pair counts as a near-duplicate of an
    earlier one; None keeps them. `demonstrations` names the collection that who acts is shown from.
    """

    name: str
    environment: str
    tasks: tuple[Task, ...]
    road: Road = "instruct"
    each: int = 3
    passage_characters: int = 12_000
    step_limit: int = 30
    spans: int | None = 18
    shares: Mapping[Bucket, float] = field(default_factory=lambda: dict(MIX))
    constructions: tuple[Construction, ...] = CONSTRUCTIONS
    originals: bool = True
    judges: tuple[str, ...] = ("judge",)
    rule: Rule = "unanimous"
    alike: float | None = 0.8
    demonstrations: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_scripted(self) -> bool:
        """Whether no model acts and judges."""
        return self.judges == REPLAY

    def to_fields(self) -> dict[str, JSON]:
        """As a JSON object."""
        return asdict(self)

    def keep(self, folder: Path) -> None:
        """Write the plan into a run's folder, or check that the one there is the same.

        Raises
        ------
        InvalidInput
            The folder holds a run with another plan.
        """
        folder.mkdir(parents=True, exist_ok=True)
        file, mine = folder / FILE, to_json(self.to_fields(), indent=1) + b"\n"
        if not file.exists():
            draft = file.with_suffix(".new")
            draft.write_bytes(mine)
            draft.replace(file)
            return
        there, wanted = from_json(file.read_bytes()), from_json(mine)
        if changed := [name for name in there | wanted if there.get(name) != wanted.get(name)]:
            raise InvalidInput(
                f"{folder} holds a run with other settings ({', '.join(changed)}): give another folder, "
                "or the settings it was begun with",
                "run",
            )
