"""The situation that a web page asks about: from a stored episode's step, or from a filled-in form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import to_json

from indexing.errors import InvalidRecord
from indexing.parsing import decode
from indexing.records import Trajectory, to_fields
from service.bodies import parse
from service.problems import InvalidFields, Malformed
from service.schemas import RetrieveIn

MAX_FIELDS = 20
MAX_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of the page's form, as text."""

    instruction: str = ""
    observation: str = ""
    history: str = ""
    strategy: str = "agentic"
    tokens: str = "4000"
    exclude: str = ""

    def request(self, collection: str) -> RetrieveIn:
        """The request that an agent would send; raises InvalidFields. An empty field is an absent one."""
        tokens = self.tokens.strip()
        fields = {
            "collection": collection,
            "instruction": self.instruction or None,
            "observation": self.observation or None,
            "history": _history(self.history),
            "strategy": self.strategy,
            "limits": {"tokens": int(tokens) if _is_number(tokens) else tokens or None},
            "exclude": [self.exclude] if self.exclude else None,
            "render": "text",
        }
        return parse(RetrieveIn, to_json(fields))


def read_form(body: bytes) -> Form:
    """A form as a browser sends it; raises Malformed for what is none."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Malformed("the body is not a form of this page; go back and send it again") from None
    given = {name: _line_ends(value) for name, value in pairs if name in Form.__dataclass_fields__}
    return Form(**given)


def _line_ends(text: str) -> str:
    """Browsers send every line end as CRLF; in observations they are mostly LF."""
    return text.replace("\r\n", "\n")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS


def _history(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return decode(text)
    except InvalidRecord as error:
        raise InvalidFields([("history", f"{error}; write a list of steps, or leave it empty")]) from None


@dataclass(frozen=True, slots=True)
class Standing:
    """A step of a stored episode: where an agent stood, and what it did there."""

    trajectory: Trajectory
    index: int

    @property
    def action(self) -> str:
        return self.trajectory.steps[self.index].action

    def fields(self) -> Mapping[str, Any]:
        """The fields of the request that the agent would have sent, the episode itself left out."""
        steps = to_fields(self.trajectory)["steps"]
        return {
            "instruction": self.trajectory.instruction,
            "observation": self.trajectory.steps[self.index].observation,
            "history": steps[: self.index],
            "exclude": [self.trajectory.id],
        }

    def request(self, collection: str) -> RetrieveIn:
        """The stored text itself, which a form might change."""
        fields = {"collection": collection, "render": "text", **self.fields()}
        return parse(RetrieveIn, to_json(fields))

    def form(self) -> Form:
        """The form, filled in."""
        fields = self.fields()
        history = to_json(fields["history"], indent=1).decode() if self.index else ""
        return Form(fields["instruction"], fields["observation"], history, exclude=self.trajectory.id)


def standing(trajectory: Trajectory, step: int | None) -> Standing:
    """At a step, or at the last one before that; without a number in the middle."""
    last = len(trajectory.steps) - 1
    return Standing(trajectory, min(step, last) if step is not None else (last + 1) // 2)
