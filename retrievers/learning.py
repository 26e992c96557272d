"""Fits policy and ranker on a collection itself, by leaving one task out at a time.

For moments spread over the collection the candidates are found as for an agent, except that the
moment's own trajectory and every one with the same instruction are left out, and with them all that
were made of the same rollout; the policy that is asked saw none of them. An advice is right when it is
what was really done next. No labels are needed, and none are used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from indexing.embedder import Vectors
from indexing.engine import Numbers
from indexing.learned import Learned
from indexing.records import trajectory_from_bytes
from indexing.snapshot import Snapshot
from retrievers.agentic import propose
from retrievers.cloning import Cloned, clone, drawn_key
from retrievers.context import Context
from retrievers.features import FEATURES, LeftOut, features
from retrievers.model_channel import Degraded
from retrievers.moments import learn_moments
from retrievers.policy import POLICY
from retrievers.query_writers.template import template_query
from retrievers.ranker import MODEL, WITHOUT_OPENMP
from retrievers.recall import considered
from retrievers.requests import Limits, Request
from retrievers.situation import Query, Situation

log = logging.getLogger(__name__)

MOMENTS = 1_000
"""Moments that the ranker is fitted on, at most."""

LEAST_TRAJECTORIES = 50
LEAST_TASKS = 20
"""A collection with fewer trajectories or fewer distinct instructions keeps the rule."""

ROUNDS = 600
PARAMETERS = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.0167,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
"""LightGBM's; one setting for all collections. Many small steps: what is drawn for each tree matters less."""


def learn(snapshot: Snapshot, progress: Callable[[int, int], None]) -> Learned:
    """What the strategies want to know of a generation: its moments, and the fitted ranker."""
    learned = learn_by_rule(snapshot, progress)
    if not learned:
        return learned
    known = Snapshot(
        snapshot.generation,
        snapshot.settings,
        snapshot.analyzer,
        snapshot.trajectories,
        snapshot.documents,
        learned,
    )
    tasks = len(np.unique(known.instruction_keys(np.arange(known.size))))
    if known.size < LEAST_TRAJECTORIES or tasks < LEAST_TASKS:
        return learned
    return {**learned, **fit(known, progress)}


def learn_by_rule(snapshot: Snapshot, progress: Callable[[int, int], None]) -> Learned:  # noqa: ARG001
    """What the strategies want to know of a generation that is ranked by rule: its moments."""
    return learn_moments(snapshot.trajectories.segments[0]) if len(snapshot.trajectories) else {}


def fit(snapshot: Snapshot, progress: Callable[[int, int], None]) -> Learned:
    """Policy and ranker; nothing where nothing can be told apart, or LightGBM is missing."""
    try:
        import lightgbm
    except OSError as error:
        log.warning(WITHOUT_OPENMP, error)
        return {}
    chosen, rollouts = _chosen(snapshot), _rollouts(snapshot)
    cloned = clone(snapshot, _kin(snapshot, rollouts), lambda: progress(0, len(chosen)))
    matrices, labels = [], []
    for done, position in enumerate(chosen):
        found = _example(snapshot, rollouts, cloned, position)
        if found is not None:
            matrices.append(found[0])
            labels.append(found[1])
        progress(done + 1, len(chosen))
    right = np.concatenate([np.empty(0, bool), *labels])
    if right.all() or not right.any():
        return {}
    data = lightgbm.Dataset(np.concatenate(matrices), right, feature_name=list(FEATURES))
    model: str = lightgbm.train(PARAMETERS, data, ROUNDS).model_to_string()
    return {MODEL: model.encode(), **({POLICY: cloned.mean.to_bytes()} if cloned else {})}


def _chosen(snapshot: Snapshot) -> list[int]:
    """Positions to learn from: any steps of any trajectories, as many of each as it takes."""
    segment = snapshot.trajectories.segments[0]
    each = max(2, ceil(MOMENTS / len(segment)))
    order = sorted(range(len(segment)), key=lambda n: drawn_key(segment.ids[n], ""))
    chosen: list[int] = []
    for ordinal in order:
        steps = range(int(segment.steps[ordinal]))
        places = sorted(steps, key=lambda at: drawn_key(segment.ids[ordinal], at))[:each]
        chosen += [int(segment.position_start[ordinal]) + place for place in places]
        if len(chosen) >= MOMENTS:
            break
    return chosen[:MOMENTS]


def _rollouts(snapshot: Snapshot) -> Numbers:
    """A number for each trajectory: the same for those made of one rollout (their source's `rollout`)."""
    segment = snapshot.trajectories.segments[0]
    numbers: dict[str, int] = {}
    found = []
    for ordinal in range(len(segment)):
        rollout = (trajectory_from_bytes(segment.body(ordinal)).source or {}).get("rollout")
        found.append(numbers.setdefault(rollout, ordinal) if isinstance(rollout, str) else ordinal)
    return np.array(found, np.int64)


def _kin(snapshot: Snapshot, rollouts: Numbers) -> Numbers:
    """A number for each trajectory: the same for those that a common task or rollout ties together."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    segment = snapshot.trajectories.segments[0]
    size, ties = len(segment), (segment.instruction_row, len(segment.instructions) + rollouts)
    nodes = len(segment.instructions) + size
    group: Numbers = connected_components(coo_array((np.ones(size), ties), (nodes, nodes)), directed=False)[1]
    return group[ties[0]]


@dataclass(frozen=True, slots=True)
class _Known:
    """The vector of the one text that is asked for: it is in the index already."""

    vector: Vectors

    def query(self, text: str, deadline: float | None = None) -> Vectors:  # noqa: ARG002
        return self.vector

    def queries(self, texts: Sequence[str], deadline: float | None = None) -> list[Vectors]:  # noqa: ARG002
        return [self.vector for _ in texts]


def _example(
    snapshot: Snapshot, rollouts: Numbers, cloned: Cloned | None, position: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
    """The features of what the candidates advise at one moment, and which of it is what was done."""
    segment = snapshot.trajectories.segments[0]
    owner = int(segment.owner[position])
    row = int(segment.instruction_row[owner])
    record = snapshot.trajectory(owner)
    place = position - int(segment.position_start[owner])
    situation = Situation(record.instruction, record.steps[:place], record.steps[place].observation)
    same_task = segment.instructions.of(row).astype(np.int64)
    same_task = np.union1d(same_task, np.flatnonzero(rollouts == rollouts[owner]))
    scope = snapshot.trajectories.alive.copy()
    scope[same_task] = False
    if not scope.any():
        return None
    query = Query(template_query(situation), "template")
    vector = segment.dense["instruction"].vectors(np.array([row], np.int64))[0]
    policy = cloned.without(owner) if cloned else None
    request = Request(situation, queries=(query,))
    context = Context(snapshot, _Known(vector), request, scope, lambda _: policy)
    proposals = propose(context, Limits(), Degraded())[0]
    trajectories = proposals.trajectories
    if not len(trajectories):
        return None
    left_out = LeftOut(snapshot.positions_of(same_task))
    advised = features(context, proposals, considered(context, trajectories), left_out)
    return advised.matrix, advised.advice == context.moments.advice(np.array([position]))[0]
