"""The ranker is fitted on the collection itself, and on nothing of the task that it is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from indexing.learned import Learned
from indexing.records import JSON, Trajectory
from indexing.snapshot import Snapshot
from retrievers import learning
from retrievers.alignment import Aligned
from retrievers.context import Context
from retrievers.features import FEATURES, MOST, Advised, LeftOut, Proposals, column, features
from retrievers.learning import LEAST_TASKS, LEAST_TRAJECTORIES
from retrievers.policy import POLICY
from retrievers.query_writers.template import template_query
from retrievers.ranker import MODEL, FittedRanker, RuleRanker, ranker_of
from retrievers.requests import Answer, Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from tests.retrievers.families import Bench, errands, rite, rites, unwatched
from tests.retrievers.without_lightgbm import without_lightgbm
from tests.support.collections import trajectory


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("vectors"))


RITES = rites(150)


@pytest.fixture(scope="module")
def learned(bench: Bench) -> Iterator[Learned]:
    """What is learned of the rites, from fewer moments than there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "MOMENTS", 240)
        yield bench.learned(RITES)


def ruled(learned: Learned) -> Learned:
    return {name: content for name, content in learned.items() if name not in (MODEL, POLICY)}


def answer(bench: Bench, snapshot: Snapshot, record: Trajectory, place: int) -> Answer:
    situation = Situation(record.instruction, record.steps[:place], record.steps[place].observation)
    return retrieve(
        snapshot, bench.lane, Request(situation, queries=(Query(template_query(situation), "template"),))
    )


def first_right(bench: Bench, snapshot: Snapshot) -> float:
    """How often the first demonstration opens the door as it has to be opened."""
    hits = 0
    for number in range(1_000, 1_030):
        shown = answer(bench, snapshot, rite(number), 2).demonstrations[0]
        hits += shown.next_action == rite(number).steps[2].action
    return hits / 30


def test_what_the_rule_can_not_see_is_learned(bench: Bench, learned: Learned) -> None:
    fitted = bench.snapshot(RITES, learned=learned)
    rule = bench.snapshot(RITES, learned=ruled(learned))
    assert isinstance(ranker_of(fitted), FittedRanker)
    assert isinstance(ranker_of(rule), RuleRanker)
    assert first_right(bench, fitted) >= 0.9
    assert first_right(bench, rule) <= 0.7


def test_the_same_records_give_the_same_bytes_in_any_order(
    bench: Bench, learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "MOMENTS", 240)
    assert dict(bench.learned(RITES[::-1])) == dict(learned)


def test_a_fitted_ranker_estimates_a_chance(bench: Bench, learned: Learned) -> None:
    ranker = ranker_of(bench.snapshot(RITES, learned=learned))
    scores = ranker(np.random.default_rng(3).normal(size=(50, len(FEATURES))))
    assert scores.shape == (50,)
    assert (scores > 0).all()
    assert (scores < 1).all()


def test_the_rule_counts_the_weight_of_those_who_agree_then_the_fit() -> None:
    matrix = np.zeros((3, len(FEATURES)))
    matrix[:, column("votes_fit")] = (0.4, 0.6, 0.6)
    matrix[:, column("fit_behind" + MOST)] = (0.0, -0.5, -0.2)
    assert RuleRanker()(matrix).argsort().tolist() == [0, 1, 2]


# When nothing is fitted


@pytest.mark.parametrize(
    "records",
    [
        rites(LEAST_TRAJECTORIES - 1),
        [trajectory(f"t{n}", f"Task {n % (LEAST_TASKS - 1)}") for n in range(LEAST_TRAJECTORIES)],
    ],
    ids=["few trajectories", "few tasks"],
)
def test_a_tiny_collection_keeps_the_rule(bench: Bench, records: list[Trajectory]) -> None:
    learned = bench.learned(records)
    assert MODEL not in learned
    assert learned
    assert isinstance(ranker_of(bench.snapshot(records, learned=learned)), RuleRanker)


def test_where_all_do_the_same_there_is_nothing_to_learn(bench: Bench) -> None:
    records = [trajectory(f"t{n}", f"Task {n}") for n in range(LEAST_TRAJECTORIES)]
    assert MODEL not in bench.learned(records)


def test_a_collection_of_one_task_alone_has_nobody_to_ask(bench: Bench) -> None:
    records = [trajectory(f"t{n}", "The task", [("o", f"a{n}")]) for n in range(5)]
    assert learning.fit(bench.snapshot(records), unwatched) == {}


def test_without_lightgbm_the_rule_ranks_and_the_log_says_what_to_install(
    bench: Bench, learned: Learned, caplog: pytest.LogCaptureFixture
) -> None:
    record = rite(1_000)
    with without_lightgbm():
        assert learning.fit(bench.snapshot(RITES), unwatched) == {}
        assert "libgomp1" in caplog.text
        caplog.clear()
        fitted = bench.snapshot(RITES, learned=learned)
        shown = answer(bench, fitted, record, 2).demonstrations
        assert [answer(bench, fitted, record, place).degraded for place in range(3)] == [()] * 3
        assert caplog.text.count("libgomp1") == 1
    assert shown == answer(bench, bench.snapshot(RITES, learned=ruled(learned)), record, 2).demonstrations
    import lightgbm

    assert lightgbm.Booster is not None


def test_a_ranker_of_other_features_is_not_asked(
    bench: Bench, learned: Learned, caplog: pytest.LogCaptureFixture
) -> None:
    older = learned[MODEL].replace(b"votes_sharp", b"votes_other")
    snapshot = bench.snapshot(RITES, learned={**learned, MODEL: older})
    assert isinstance(ranker_of(snapshot), RuleRanker)
    assert "precedent reindex" in caplog.text
    assert answer(bench, snapshot, rite(1_000), 2).demonstrations


# Nothing of the asked task is seen


class Enough(BaseException):
    """The examples that were looked at are enough."""


def test_a_source_may_say_anything_of_its_rollout(bench: Bench) -> None:
    odd: list[JSON] = [None, 7, "r1", "r1", [1, 2], [1, 2], {"a": 1}, True]
    records = [
        replace(record, source=None if number % 9 == 8 else {"rollout": odd[number % 9]})
        for number, record in enumerate(rites(150))
    ]
    assert MODEL in bench.learned(records)


@pytest.mark.parametrize("pieces", [1, 3])
def test_nothing_of_the_asked_task_or_its_rollout_is_proposed_counted_or_aligned(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    records = [
        replace(record, source={"rollout": f"r{number // pieces}"})
        for number, record in enumerate(errands(150))
    ]
    watched: list[str] = []

    def watching(context: Context, proposals: Proposals, found: Aligned, left_out: LeftOut) -> Advised:
        situation = context.request.situation
        numbers = range(context.snapshot.size)
        known = [context.snapshot.trajectory(number) for number in numbers]
        told = [record.instruction for record in known]
        own = np.flatnonzero(~context.scope).tolist()
        of_task = {number for number in numbers if told[number] == situation.instruction}
        rollouts = [{n for n in numbers if known[n].source == known[one].source} for one in of_task]
        assert set(own) in [of_task | rollout for rollout in rollouts]
        assert not set(own) & {*proposals.trajectories.tolist(), *found.owners.tolist()}
        assert left_out.positions.tolist() == context.snapshot.positions_of(np.array(own)).tolist()
        watched.append(situation.instruction or "")
        return features(context, proposals, found, left_out)

    def stop(done: int, total: int) -> None:
        assert total == len(learning._chosen(bench.snapshot(records)))
        if done == 40:
            raise Enough

    monkeypatch.setattr(learning, "features", watching)
    with pytest.raises(Enough):
        learning.learn(bench.snapshot(records), stop)
    assert len(watched) == 40
    assert max(map(watched.count, watched)) < 10


def test_moments_are_chosen_from_as_many_trajectories_as_it_takes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = errands(40)
    snapshot = bench.snapshot(records)
    segment = snapshot.trajectories.segments[0]
    everything = learning._chosen(snapshot)
    assert sorted(everything) == list(range(3 * 40))
    monkeypatch.setattr(learning, "MOMENTS", 50)
    some = learning._chosen(snapshot)
    assert len(some) == len(set(some)) == 50
    assert len({int(segment.owner[position]) for position in some}) == 25
    assert {position - int(segment.position_start[segment.owner[position]]) for position in some} == {0, 1, 2}
    more = bench.snapshot(errands(40, 40) + records)
    assert learning._chosen(more) != some
