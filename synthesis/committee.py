"""The filter of Learn-by-interact: a committee of models votes on each pair.

Each member answers one prompt with four criteria. It votes yes when all four hold; the paper's
committee must be unanimous.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from indexing.errors import InvalidInput
from indexing.records import JSON
from retrievers.query_writers.text import cut, fenced, sound
from synthesis.calls import Calls
from synthesis.construction import Pair
from synthesis.errors import CallFailed, Unreadable
from synthesis.prompts import UNTRUSTED, bare, barred, telling

PROMPT_VERSION = "judge-1"

Rule: TypeAlias = Literal["unanimous", "majority"]

CRITERIA: Mapping[str, str] = {
    "aligned": "the actions achieve the instruction, and the last observation bears it out",
    "coherent": "each action follows from what was observed before it",
    "natural": "a real user of this environment could want this and do it so",
    "reasonable": "there are no detours, loops or needless steps, and nothing is made simpler than it is",
}
"""What each member says yes or no to (PAPER.md §1.4b)."""

INSTRUCTION_CHARS = 4_000
REASON_CHARS = 400

SYSTEM = f"""\
You judge whether an instruction and a record of what an agent did make a good example for other agents.
The user shows you the instruction, numbered observations and actions {UNTRUSTED}
Answer with one JSON object and nothing else."""

QUESTION = "\n".join(
    (
        "Say for each criterion whether it holds, and why in one sentence:",
        *(f"- {name}: {meaning}" for name, meaning in CRITERIA.items()),
        "Answer in this form: "
        + json.dumps({name: {"ok": "true or false", "reason": "..."} for name in CRITERIA}).replace(
            '"true or false"', "true or false"
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether one criterion holds, and why."""

    ok: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Vote:
    """What one member says: yes, no, or nothing where its call failed for the reason in `failure`."""

    member: str
    yes: bool | None
    judgements: Mapping[str, Judgement]
    failure: str | None = None

    def objections(self) -> list[str]:
        """What it holds against the pair."""
        if self.yes is None:
            return [f"no vote of {self.member}"]
        against = ((name, one) for name, one in self.judgements.items() if not one.ok)
        return [
            f"{self.member}: not {name}" + (f": {one.reason}" if one.reason else "") for name, one in against
        ]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the committee decides. `reasons` is all that was held against the pair, accepted or not."""

    accepted: bool
    rule: Rule
    votes: tuple[Vote, ...]
    reasons: tuple[str, ...]
    prompt_version: str = PROMPT_VERSION

    def to_fields(self) -> dict[str, JSON]:
        """The verdict as a JSON object."""
        return {**asdict(self), "votes": [asdict(vote) for vote in self.votes], "reasons": list(self.reasons)}


async def judge(calls: Calls, pair: Pair, members: Sequence[str], rule: Rule = "unanimous") -> Verdict:
    """The verdict of the members, each a role of `calls`, asked one after the other.

    A member whose call fails has no vote: that is no yes, under either rule. A majority is more than
    half of all members. Two members with one model behind them are two calls.

    Raises
    ------
    BudgetSpent
        As `Calls.ask` does.
    InvalidInput
        No member, or one named twice.
    """
    if not members or len(set(members)) < len(members):
        raise InvalidInput("a committee has one member or more, each named once", "members")
    prompt = judge_prompt(pair)
    votes = tuple([await _vote(calls, member, prompt) for member in members])
    in_favour = sum(vote.yes is True for vote in votes)
    accepted = in_favour == len(votes) if rule == "unanimous" else 2 * in_favour > len(votes)
    return Verdict(accepted, rule, votes, tuple(reason for vote in votes for reason in vote.objections()))


async def _vote(calls: Calls, member: str, prompt: str) -> Vote:
    try:
        judgements = await calls.ask(member, SYSTEM, prompt, read_judgements, salt=member)
    except CallFailed as failure:
        return Vote(member, None, {}, f"{failure.kind}: {failure}")
    return Vote(member, all(one.ok for one in judgements.values()), judgements)


def judge_prompt(pair: Pair) -> str:
    """What a member is shown of a pair, fenced, and asked."""
    told = f"Instruction:\n{barred(cut(pair.instruction, INSTRUCTION_CHARS))}\n{telling(pair)}"
    return f"{fenced('example', told)}\n{QUESTION}"


def read_judgements(answer: str) -> dict[str, Judgement]:
    """The four judgements in an answer, in the criteria's order; raises Unreadable.

    A judgement is an object with `ok` and `reason`, or `ok` alone; yes and no pass for true and false.

    >>> read_judgements('{"aligned": "yes", "coherent": true, "natural": true, "reasonable": {"ok": "No"}}')[
    ...     "reasonable"
    ... ]
    Judgement(ok=False, reason='')
    """
    said = {str(name).strip().lower(): value for name, value in _object(bare(answer)).items()}
    if missing := [name for name in CRITERIA if name not in said]:
        raise Unreadable(f"no judgement of {', '.join(missing)}")
    return {name: _judgement(name, said[name]) for name in CRITERIA}


def _object(text: str) -> dict[str, JSON]:
    start = text.find("{")
    if start < 0:
        raise Unreadable("no JSON object in the answer")
    try:
        value = json.JSONDecoder().raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        raise Unreadable("the JSON in the answer is broken") from None
    fields: dict[str, JSON] = value
    return fields


_WORDS = {"yes": True, "true": True, "no": False, "false": False}


def _judgement(name: str, value: JSON) -> Judgement:
    holds, reason = (value.get("ok"), value.get("reason")) if isinstance(value, dict) else (value, "")
    if isinstance(holds, str):
        holds = _WORDS.get(holds.strip(" .!\"'").lower())
    if not isinstance(holds, bool):
        raise Unreadable(f"neither yes nor no for {name}")
    return Judgement(holds, cut(sound(reason).strip(), REASON_CHARS) if isinstance(reason, str) else "")
