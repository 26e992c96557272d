"""Replay on a memory so small that its ranks are counted by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from evaluation.replay import Replay
from evaluation.results import Row
from evaluation.variants import NAMES, VARIANTS, chosen, rows_each
from indexing.errors import InvalidInput
from indexing.records import Trajectory
from retrievers.ranker import MODEL, RuleRanker, ranker_of
from tests.retrievers.families import Bench
from tests.support.collections import trajectory

MEMORY = [
    trajectory("a", "Paint it red", [("shop", "buy red"), ("wall", "brush red")]),
    trajectory("b", "Paint it blue", [("shop", "buy blue"), ("wall", "brush blue")]),
    trajectory("c", "Sell the car", [("shop", "sell car"), ("street", "drive off")]),
]
GREEN = trajectory(
    "e", "Paint it green", [("shop", "buy green"), ("wall", "brush green")], metadata={"task": "paint"}
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("vectors"))


def replayed(
    bench: Bench,
    variant: str,
    episode: Trajectory = GREEN,
    memory: Sequence[Trajectory] = MEMORY,
    k: int = 10,
    budgets: Sequence[int] = (),
) -> list[list[Row]]:
    """The rows of each step of an episode."""
    replay = Replay("hand", bench.snapshot(memory), {variant: bench.lane}, k, budgets)
    return list(replay.rows(episode, range(len(episode.steps))))


def ranks(row: Row) -> tuple[int | None, int | None, int | None]:
    return row.slot, row.template, row.exact


# By number


def test_the_same_advice_is_a_hit_though_no_action_is_equal(bench: Bench) -> None:
    (first,), (second,) = replayed(bench, "observation-exact")
    assert (ranks(first), first.shown, first.reachable) == ((1, 1, None), 3, True)
    assert (ranks(second), second.shown, second.reachable) == ((1, 1, None), 2, True)
    assert (first.collection, first.family, first.episode, first.variant) == (
        "hand", "paint", "e", "observation-exact",
    )  # fmt: skip
    assert (first.step, second.step, first.budget) == (0, 1, None)
    assert first.tokens > second.tokens > 0


def test_equal_text_is_a_hit_under_every_equality(bench: Bench) -> None:
    again = trajectory("e", "Paint it blue again", [("shop", "buy blue")])
    ((row,),) = replayed(bench, "observation-exact", again)
    assert ranks(row) == (1, 1, 1)
    bought = trajectory("e", "Paint it red again", [("shop", "buy blue")])
    ((row,),) = replayed(bench, "observation-exact", bought)
    assert ranks(row) == (None, 1, 2)


def test_what_nobody_ever_did_is_out_of_reach(bench: Bench) -> None:
    away = trajectory("e", "Fly away", [("shop", "fly up")])
    ((row,),) = replayed(bench, "observation-exact", away)
    assert (ranks(row), row.reachable, row.shown) == ((None, None, None), False, 3)


def test_nothing_shown_is_no_hit(bench: Bench) -> None:
    lost = trajectory("e", "Paint it green", [("desert", "buy green")])
    ((row,),) = replayed(bench, "observation-exact", lost)
    assert (ranks(row), row.shown, row.reachable) == ((None, None, None), 0, True)
    ((row,),) = replayed(bench, "documents", lost)
    assert (ranks(row), row.shown) == ((None, None, None), 0)


def test_whole_trajectories_are_aligned_after_the_fact(bench: Bench) -> None:
    (first,), (second,) = replayed(bench, "instruction")
    assert (ranks(first), ranks(second)) == ((1, 1, None), (1, 1, None))
    assert first.tokens == second.tokens


def test_the_prior_is_what_is_commonest_whatever_the_situation(bench: Bench) -> None:
    """`buy <i>` and `brush <i>` were done twice; no whole action more than once."""
    (first,), (second,) = replayed(bench, "prior")
    assert (ranks(first), ranks(second)) == ((1, 1, None), (2, 2, None))
    assert (first.shown, first.tokens, first.ms) == (10, 0, 0.0)
    (first,), (second,) = replayed(bench, "prior", k=1)
    assert (ranks(first), ranks(second)) == ((1, 1, None), (None, None, None))


def test_once_asks_at_the_first_step_and_is_aligned_at_each(bench: Bench) -> None:
    (first,), (second,) = replayed(bench, "agentic-once")
    assert (ranks(first), ranks(second)) == ((1, 1, None), (1, 1, None))
    assert (first.shown, first.tokens) == (second.shown, second.tokens)


def test_what_depends_on_the_number_is_asked_for_by_each_number(bench: Bench) -> None:
    """Of ten the paper shows five by observation first, of five three: then the first by its query."""
    misled = [trajectory(f"o{n}", f"Other work {n}", [("hall", "wait here")]) for n in range(6)]
    right = trajectory("r", "Paint it pink", [("yard", "open shed")])
    episode = trajectory("e", "Paint it pink", [("hall", "open shed")])
    assert VARIANTS["paper"].depends_on_k
    ((row,),) = replayed(bench, "paper", episode, [*misled, right])
    assert (ranks(row), row.shown) == ((4, 4, 4), 7)
    ((row,),) = replayed(bench, "paper", episode, [*misled, right], k=5)
    assert ranks(row) == (4, 4, 4)
    ((row,),) = replayed(bench, "paper", episode, [*misled, right], k=1)
    assert (ranks(row), row.shown) == ((None, None, None), 1)


# By tokens


@pytest.mark.parametrize("variant", ["observation", "instruction", "agentic"])
def test_a_budget_is_kept_and_what_it_cuts_off_does_not_count(bench: Bench, variant: str) -> None:
    for number, *by_tokens in replayed(bench, variant, budgets=(1, 30, 2_000)):
        assert [row.budget for row in by_tokens] == [1, 30, 2_000]
        assert all(row.tokens <= (row.budget or 0) for row in by_tokens)
        assert (by_tokens[0].shown, ranks(by_tokens[0])) == (0, (None, None, None))
        assert ranks(by_tokens[-1]) == ranks(number)
        assert by_tokens[-1].tokens == number.tokens


# The variants


def test_every_variant_has_as_many_rows_as_it_is_said_to(bench: Bench) -> None:
    for budgets in ((), (50, 100)):
        lanes = dict.fromkeys(NAMES, bench.lane)
        for rows in Replay("hand", bench.snapshot(MEMORY), lanes, 3, budgets).rows(GREEN, [0, 1]):
            assert len(rows) == rows_each(NAMES, len(budgets))
            assert {row.variant for row in rows} == set(NAMES)
            assert len({(row.variant, row.budget) for row in rows}) == len(rows)


def test_the_rule_alone_does_not_see_the_model(bench: Bench) -> None:
    records = [trajectory(f"t{n}") for n in range(3)]
    snapshot = bench.snapshot(records, learned={MODEL: b"not asked"})
    view = VARIANTS["agentic-rule"].view(snapshot)
    assert MODEL in snapshot.learned
    assert isinstance(ranker_of(view), RuleRanker)
    assert VARIANTS["agentic-rule"].view(snapshot) is view
    assert VARIANTS["agentic"].view(snapshot) is snapshot


def test_an_unknown_variant_is_told_with_those_there_are() -> None:
    assert chosen(None) == NAMES
    assert chosen(("paper", "prior")) == ("paper", "prior")
    with pytest.raises(InvalidInput, match="no strategy 'best'; choose among prior, random"):
        chosen(("paper", "best"))
