"""The situation that the playground asks about: a stored episode's step, or what was typed in over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, get_args
from urllib.parse import parse_qsl, urlencode

from pydantic_core import to_json

from indexing.errors import InvalidRecord
from indexing.parsing import decode
from indexing.records import Trajectory, to_fields
from service.bodies import parse
from service.problems import InvalidFields, Malformed
from service.schemas import RetrieveIn, Strategy

MAX_FIELDS = 40
MAX_DIGITS = 9
MOST_SHOWN = 30
"""Demonstrations of one strategy on the page."""

EDITABLE = 200_000
"""A longer text of an episode isn't put into the form: it is asked about as it is kept."""

SHAREABLE = 2_000
"""Characters of an address that holds what was typed in; longer, it isn't put there."""

STRATEGIES: tuple[str, ...] = get_args(Strategy)
SIDE_BY_SIDE = ("agentic", "instruction")
"""What is compared unless somebody chooses: ours, and plain RAG."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A step of a stored episode: where an agent stood, and what it did there."""

    trajectory: Trajectory
    index: int

    @property
    def action(self) -> str:
        return self.trajectory.steps[self.index].action

    @property
    def instruction(self) -> str:
        return self.trajectory.instruction

    @property
    def observation(self) -> str:
        return self.trajectory.steps[self.index].observation

    def history(self) -> list[Mapping[str, Any]]:
        """The steps before."""
        steps: list[Mapping[str, Any]] = to_fields(self.trajectory)["steps"][: self.index]
        return steps


def standing(trajectory: Trajectory, step: int | None) -> Standing:
    """At a step, or at the last one before that; without a number in the middle."""
    last = len(trajectory.steps) - 1
    return Standing(trajectory, min(step, last) if step is not None else (last + 1) // 2)


@dataclass(frozen=True, slots=True)
class Form:
    """The form as it was sent. What wasn't is None: the named episode's own, else the default."""

    trajectory: str | None = None
    step: str | None = None
    instruction: str | None = None
    observation: str | None = None
    history: str | None = None
    strategy: tuple[str, ...] = ()
    k: str | None = None
    tokens: str | None = None
    filter: str | None = None
    exclude: str | None = None

    @property
    def asks(self) -> bool:
        """Whether anything was filled in."""
        return self != Form()

    @property
    def is_edited(self) -> bool:
        """Whether it asks about something else than what is stored."""
        return not (self.instruction is self.observation is self.history is None)

    def step_number(self) -> int | None:
        """The step named; raises InvalidFields for no number."""
        if self.step is None:
            return None
        if not is_number(self.step):
            raise InvalidFields([("step", "a step is a number; an address counts them from 0")])
        return int(self.step)

    def requests(self, collection: str, here: Standing | None) -> list[RetrieveIn]:
        """What an agent would send, once for each strategy; raises InvalidFields."""
        unknown = [name for name in self.strategy if name not in STRATEGIES]
        if unknown:
            raise InvalidFields([("strategy", f"there is no {unknown[0][:80]!r}: {', '.join(STRATEGIES)}")])
        most = _number(self.k, MOST_SHOWN)
        exclude = self.exclude if self.exclude is not None else here.trajectory.id if here else ""
        told = {
            "collection": collection,
            "instruction": _or(self.instruction, here.instruction if here else None) or None,
            "observation": _or(self.observation, here.observation if here else None) or None,
            "history": _json("history", self.history) or (here.history() if here else None),
            "limits": {"total": most, **_each(most), "tokens": _number(self.tokens)},
            "filter": _json("filter", self.filter),
            "exclude": [exclude] if exclude else None,
            "render": "text",
        }
        if self.history is not None and self.history.strip() == "[]":
            told["history"] = []
        asked = parse(RetrieveIn, to_json(told))
        asked.conditions()
        return [asked.model_copy(update={"strategy": one}) for one in self.strategy or SIDE_BY_SIDE]

    def shortened(self, here: Standing | None) -> Form:
        """Without what says no more than the stored episode or the defaults do."""
        stored = (
            {"instruction": here.instruction, "observation": here.observation, "exclude": here.trajectory.id}
            if here
            else {"exclude": ""}
        )
        told = {
            name: None
            for name, value in stored.items()
            if (given := getattr(self, name)) is not None and given == value.replace("\r\n", "\n")
        }
        for name in ("history", "k", "tokens", "filter"):
            if not (getattr(self, name) or "").strip():
                told[name] = None
        chosen = () if self.strategy == SIDE_BY_SIDE else self.strategy
        return replace(self, strategy=chosen, **told)

    def query(self, **changes: Any) -> str:
        """The form as the query of an address, with these fields changed."""
        one = replace(self, **changes)
        pairs: list[tuple[str, str]] = []
        for field in fields(one):
            value = getattr(one, field.name)
            found = value if isinstance(value, tuple) else () if value is None else (value,)
            pairs += [(field.name, text) for text in found]
        return urlencode(pairs)


def read_form(sent: str) -> Form:
    """A form as a browser sends it, in an address or in a body; raises Malformed for what is none."""
    try:
        pairs = parse_qsl(sent, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Malformed("this is not a form of this page; go back and send it again") from None
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name == "strategy":
            given[name] = tuple(dict.fromkeys((*given.get(name, ()), value)))
        elif name in Form.__dataclass_fields__:
            given[name] = value.replace("\r\n", "\n")  # browsers send every line end as CRLF
    for name in ("trajectory", "step"):
        given[name] = given.get(name) or None
    return Form(**given)


def is_number(text: str) -> bool:
    """Whether a text is a whole number that isn't endless."""
    return text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS


def _or(given: str | None, stored: str | None) -> str | None:
    return stored if given is None else given


def _number(text: str | None, most: int | None = None) -> int | str | None:
    """A number; what isn't one is left to be refused with words."""
    given = (text or "").strip()
    if not is_number(given):
        return given or None
    return int(given) if most is None else min(int(given), most)


def _each(total: int | str | None) -> dict[str, int]:
    """Room in both channels for so many in all."""
    return {"observation": max(5, total), "model": max(5, total)} if isinstance(total, int) else {}


def _json(name: str, text: str | None) -> Any:
    if text is None or not text.strip():
        return None
    try:
        return decode(text)
    except InvalidRecord as error:
        raise InvalidFields([(name, f"{error}; write JSON, or leave it empty")]) from None


def chosen(form: Form) -> Sequence[str]:
    """The strategies that the form shows as chosen."""
    return form.strategy or SIDE_BY_SIDE
