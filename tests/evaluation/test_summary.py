"""From rows to figures: what is counted, what is compared, and what doesn't matter."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.results import Row
from evaluation.statistics import Estimate
from evaluation.summarize import summarize
from evaluation.summary import Summary
from indexing.errors import InvalidInput
from tests.evaluation.made_up import row, rows

FEW = 200
RANK = st.none() | st.integers(1, 10)
MEASURED = st.builds(
    row,
    episode=st.sampled_from(["e1", "e2", "e3"]),
    step=st.integers(0, 2),
    variant=st.sampled_from(["agentic", "instruction", "paper"]),
    collection=st.sampled_from(["rooms", "shops"]),
    budget=st.sampled_from([None, 500]),
    slot=RANK,
    exact=RANK,
)


def once(rows: list[Row]) -> list[Row]:
    """One row of each variant in each situation."""
    return list(
        {(one.collection, one.episode, one.step, one.variant, one.budget): one for one in rows}.values()
    )


def few(rows: list[Row], seed: int = 0) -> Summary:
    return summarize(rows, seed, resamples=FEW)


def test_figures_are_those_of_the_situations() -> None:
    summary = few([row("e1", 0, slot=1), row("e1", 1, slot=3), row("e2", 0, slot=None), row("e2", 1, slot=7)])
    (scope,) = summary.collections
    (found,) = scope.results
    scores = {measure: estimate.value for measure, estimate in found.scores["slot"].items()}
    assert scores == pytest.approx(
        {"hit@1": 1 / 4, "hit@5": 2 / 4, "hit@10": 3 / 4, "mrr": (1 + 1 / 3 + 1 / 7) / 4}
    )
    assert (scope.episodes, scope.situations, found.situations, found.collections) == (2, 4, 4, 1)
    assert {estimate.value for estimate in found.scores["exact"].values()} == {0.0}


def test_within_a_budget_a_hit_is_one_anywhere_in_the_prompt() -> None:
    summary = few([row("e1", budget=500, slot=9), row("e2", budget=500, slot=None)])
    found = summary.across.result("agentic", 500)
    assert found is not None
    assert {measure: one.value for measure, one in found.scores["slot"].items()} == {
        "hit@1": 0,
        "hit@5": 0,
        "hit": 0.5,
    }
    assert (summary.budgets, summary.across.result("agentic")) == ([500], None)
    assert summary.across.by_tokens("agentic") == [found]


def test_the_bound_is_what_is_reachable_at_all() -> None:
    summary = few([row("e1", reachable=True), row("e2", reachable=False), row("e2", 1, reachable=True)])
    assert summary.across.reachable.value == pytest.approx(2 / 3)


def test_baselines_are_compared_on_the_situations_both_met() -> None:
    ours = [row(f"e{number}", slot=1) for number in range(4)]
    theirs = [row(f"e{number}", variant="instruction", slot=1 if number else None) for number in range(3)]
    found = few(ours + theirs).across.result("agentic")
    assert found is not None
    compared = found.compared("instruction", "hit@1")
    assert compared is not None
    assert compared.difference.value == pytest.approx(1 / 3)
    assert found.compared("paper", "hit@1") is None


def test_a_baseline_is_not_compared_with_itself() -> None:
    summary = few(list(rows()))
    for found in summary.across.results:
        assert set(found.against) == {"instruction", "paper"} - {found.variant}


def test_collections_weigh_the_same_and_are_compared_where_both_stand() -> None:
    big = [
        row(f"e{number}", variant=variant, slot=1)
        for number in range(20)
        for variant in ("agentic", "instruction")
    ]
    small = [row("e1", collection="shops", slot=None)]
    summary = few(big + small)
    found = summary.across.result("agentic")
    assert found is not None
    assert found.score("hit@1").value == pytest.approx(0.5)
    assert found.collections == 2
    compared = found.compared("instruction", "hit@1")
    assert compared is not None
    assert compared.difference == Estimate(0.0, 0.0, 0.0)
    assert [scope.name for scope in summary.collections] == ["rooms", "shops"]


def test_the_better_is_named_first_and_told_from_the_worse() -> None:
    summary = summarize(rows(episodes=60))
    assert summary.variants[0] == "agentic"
    found = summary.across.result("agentic")
    assert found is not None
    compared = found.compared("instruction", "hit@1")
    assert compared is not None
    assert compared.difference.is_positive
    assert compared.ratio is not None
    assert compared.ratio.low > 1


def test_families_are_summed_up_where_there_are_several() -> None:
    (scope,) = few(list(rows())).collections
    assert [family.name for family in scope.families] == ["book a room", "cancel a booking", "move a meeting"]
    assert sum(family.situations for family in scope.families) == scope.situations
    assert set(scope.families[0].hits["agentic"]) == {"hit@1", "hit@5"}
    (alone,) = few([row("e1"), row("e2")]).collections
    assert alone.families == ()


def test_fields_are_json_and_hold_everything() -> None:
    fields = few(list(rows(("rooms", "shops")))).to_fields()
    assert json.loads(json.dumps(fields)) == fields
    assert set(fields["collections"]) == {"rooms", "shops"}
    ours = fields["across"]["variants"]["agentic"]
    assert set(ours["by_tokens"]) == {"500", "1000"}
    first = ours["by_number"]["scores"]["slot"]["hit@1"]
    assert first["low"] <= first["value"] <= first["high"]
    assert set(ours["by_number"]["against"]["paper"]["slot"]["mrr"]) == {"difference", "ratio"}
    assert set(fields["collections"]["rooms"]["families"]) == {
        "book a room",
        "cancel a booking",
        "move a meeting",
    }


def test_the_same_seed_gives_the_same_fields() -> None:
    made = list(rows(("rooms", "shops"), episodes=5))
    assert few(made).to_fields() == few(made).to_fields()
    assert few(made, 1).to_fields() != few(made, 2).to_fields()


@settings(max_examples=30, deadline=None)
@given(st.lists(MEASURED, min_size=1, max_size=40).map(once), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(made: list[Row], random: Random) -> None:
    before = few(made).to_fields()
    random.shuffle(made)
    assert few(made).to_fields() == before


@settings(max_examples=30, deadline=None)
@given(st.lists(MEASURED, min_size=1, max_size=40).map(once))
def test_a_variant_under_another_name_is_no_better(made: list[Row]) -> None:
    named = [
        replace(one, variant=name) for one in made if one.variant == "agentic" for name in ("paper", "again")
    ]
    if named:
        for found in few(named).across.results:
            for scores in found.against.get("paper", {}).values():
                assert {compared.difference for compared in scores.values()} == {Estimate(0.0, 0.0, 0.0)}


def test_no_rows_are_no_comparison() -> None:
    with pytest.raises(InvalidInput, match="no step was measured"):
        summarize([])
