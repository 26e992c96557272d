from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from indexing.errors import InvalidInput
from retrievers.language_model import LanguageModel, ModelUnavailable, ScriptedModel
from synthesis.committee import (
    CRITERIA,
    PROMPT_VERSION,
    Judgement,
    Rule,
    Verdict,
    judge,
    judge_prompt,
    read_judgements,
)
from synthesis.construction import original
from synthesis.errors import BudgetSpent, Unreadable
from tests.synthesis.tellers import asking, errand

YES = json.dumps({name: {"ok": True, "reason": "as seen"} for name in CRITERIA})
NO = json.dumps({name: {"ok": name != "reasonable", "reason": f"of {name}"} for name in CRITERIA})
DOWN = ModelUnavailable("refused", "no connection")
PAIR = original(errand())


def verdict(folder: Path, rule: Rule, *answers: str | ModelUnavailable, most: int | None = None) -> Verdict:
    models: dict[str, LanguageModel] = {
        f"judge-{number}": ScriptedModel([answer], f"model {number}")
        for number, answer in enumerate(answers, 1)
    }

    async def ask() -> Verdict:
        assert PAIR is not None
        async with asking(folder, models, most) as calls:
            return await judge(calls, PAIR, list(models), rule)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("rule", "answers", "accepted", "reasons"),
    [
        ("unanimous", (YES,), True, ()),
        ("unanimous", (YES, YES), True, ()),
        ("unanimous", (YES, NO), False, ("judge-2: not reasonable: of reasonable",)),
        ("unanimous", (YES, DOWN), False, ("no vote of judge-2",)),
        ("majority", (YES, NO), False, ("judge-2: not reasonable: of reasonable",)),
        ("majority", (YES, NO, YES), True, ("judge-2: not reasonable: of reasonable",)),
        ("majority", (YES, DOWN), False, ("no vote of judge-2",)),
        ("majority", (YES, YES, DOWN), True, ("no vote of judge-3",)),
    ],
)
def test_the_committee_decides_by_its_rule(
    tmp_path: Path, rule: Rule, answers: tuple[str, ...], accepted: bool, reasons: tuple[str, ...]
) -> None:
    decided = verdict(tmp_path, rule, *answers)
    assert (decided.accepted, decided.reasons) == (accepted, reasons)


def test_a_verdict_is_written_as_json(tmp_path: Path) -> None:
    fields = json.loads(json.dumps(verdict(tmp_path, "unanimous", NO, DOWN).to_fields()))
    assert fields["prompt_version"] == PROMPT_VERSION
    assert (fields["accepted"], fields["rule"]) == (False, "unanimous")
    first, second = fields["votes"]
    assert first["judgements"]["reasonable"] == {"ok": False, "reason": "of reasonable"}
    assert (first["member"], first["yes"], first["failure"]) == ("judge-1", False, None)
    assert (second["member"], second["yes"], second["failure"]) == ("judge-2", None, "refused: no connection")


def test_two_members_with_one_model_are_asked_each(tmp_path: Path) -> None:
    model = ScriptedModel([YES, NO])

    async def ask() -> Verdict:
        assert PAIR is not None
        async with asking(tmp_path, {"judge": model, "judge-2": model}) as calls:
            return await judge(calls, PAIR, ["judge", "judge-2"], "unanimous")

    assert [vote.yes for vote in asyncio.run(ask()).votes] == [True, False]


def test_a_spent_budget_is_no_vote_but_the_end(tmp_path: Path) -> None:
    with pytest.raises(BudgetSpent):
        verdict(tmp_path, "unanimous", YES, YES, most=1)


@pytest.mark.parametrize("members", [[], ["judge", "judge"]])
def test_a_committee_has_members_and_each_once(tmp_path: Path, members: list[str]) -> None:
    async def ask() -> Verdict:
        assert PAIR is not None
        async with asking(tmp_path, {"judge": ScriptedModel([YES])}) as calls:
            return await judge(calls, PAIR, members)

    with pytest.raises(InvalidInput, match="one member or more"):
        asyncio.run(ask())


def test_a_member_is_told_the_pair_and_all_criteria() -> None:
    assert PAIR is not None
    prompt = judge_prompt(PAIR)
    assert "| Go to the last door" in prompt
    assert "Observation 3:\n| A corridor.\n| You stand at door 3." in prompt
    assert all(f"- {name}: {meaning}" in prompt for name, meaning in CRITERIA.items())
    shape = '{"aligned": {"ok": true or false, "reason": "..."}, '
    assert shape in prompt


DRESS: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: f"```json\n{text}\n```",
    lambda text: f"Sure!\n```\n{text}\n```\nThat is {{all}}.",
    lambda text: f"<think>{{maybe}}</think>Here: {text} So it is a {{good}} one.",
    lambda text: text.replace("true", '"Yes."').replace("false", '"no"'),
    lambda text: text.replace('"aligned"', '"Aligned"'),
]


@pytest.mark.parametrize("dressed", DRESS)
def test_judgements_are_read_out_of_their_dress(dressed: Callable[[str], str]) -> None:
    read = read_judgements(dressed(NO))
    assert list(read) == list(CRITERIA)
    assert [one.ok for one in read.values()] == [True, True, True, False]
    assert read["reasonable"] == Judgement(False, "of reasonable")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("yes to all", "no JSON object in the answer"),
        ("[true, true, true, true]", "no JSON object in the answer"),
        (YES[:-1], "the JSON in the answer is broken"),
        ('{"a":' * 3_000, "the JSON in the answer is broken"),
        ('{"aligned": true, "natural": true}', "no judgement of coherent, reasonable"),
        (YES.replace("true", '"partly"', 1), "neither yes nor no for aligned"),
        (YES.replace("true", "1", 1), "neither yes nor no for aligned"),
    ],
)
def test_what_is_no_judgement_is_unreadable(answer: str, said: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        read_judgements(answer)
    assert str(unreadable.value) == said
