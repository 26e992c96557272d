"""Searches within one segment: from distinct observations or instructions to those who bear them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexing.engine import Floats, Mask, Numbers
from indexing.lexical import contenders
from indexing.segment import TrajectorySegment


def best_positions(
    segment: TrajectorySegment, scores: Floats, k: int, scope: Mask
) -> tuple[Numbers, Numbers, Floats]:
    """The trajectories of a segment with the k best peaks and all that tie, each one's first peak and score.

    `scores` is by distinct observation; read from the best down until enough trajectories bear them.
    """
    reached = 4 * k
    while True:
        rows = contenders(scores, reached)
        members = segment.observations.of_all(rows)
        owners = segment.owner[members]
        inside = scope[owners]
        members, owners = members[inside], owners[inside]
        peaks = scores[segment.observation_row[members]]
        order = np.lexsort((members, -peaks, owners))
        best = order[np.flatnonzero(np.diff(owners[order], prepend=-1))]
        if len(best) >= k or len(rows) < reached:
            return owners[best].astype(np.int64), members[best].astype(np.int64), peaks[best]
        reached *= 8


def search_instructions(
    segment: TrajectorySegment, vector: NDArray[np.float32], k: int, allowed: Mask
) -> tuple[Numbers, Floats]:
    """All allowed trajectories of the nearest distinct instructions, until there are k and no more tie."""
    rows = None
    if not allowed.all():
        rows = np.zeros(len(segment.instructions), bool)
        rows[segment.instruction_row[allowed]] = True
    found, scores = segment.dense["instruction"].search(vector, k, rows)
    members, member_scores, count = [np.empty(0, np.int64)], [np.empty(0)], 0
    for row, score in zip(found.tolist(), scores.tolist(), strict=True):
        if count >= k and score < member_scores[-1][0]:
            break
        mine = segment.instructions.of(row)
        mine = mine[allowed[mine]]
        members.append(mine.astype(np.int64))
        member_scores.append(np.full(len(mine), score))
        count += len(mine)
    return np.concatenate(members), np.concatenate(member_scores)
