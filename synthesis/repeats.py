"""Steps that did the same again and changed nothing: the first part of the paper's filter.

They go before an instruction is constructed, so that none tells of what the pair doesn't hold.
"""

from __future__ import annotations

from dataclasses import replace

from indexing.records import Trajectory


def without_repeats(trajectory: Trajectory) -> Trajectory:
    """The trajectory without the steps that repeat the one before them.

    A step repeats when its action and the observation that came of it are those of the step before
    (PAPER.md §1.4a): it did the same again and nothing changed. So what is left still follows, each
    observation from the action before it. An outcome that wasn't recorded repeats nothing.
    """
    steps = trajectory.steps
    outcomes = [*(step.observation for step in steps[1:]), trajectory.final_observation]
    kept = steps[:1] + tuple(
        step
        for index, step in enumerate(steps[1:], 1)
        if (step.action, outcomes[index]) != (steps[index - 1].action, outcomes[index - 1])
    )
    if len(kept) == len(steps):
        return trajectory
    return replace(trajectory, steps=kept)
