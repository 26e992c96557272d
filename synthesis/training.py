"""Action-prediction pairs to train a model on: what it is shown at each step, and what was done there.

Learn-by-interact trains on its examples as well as it shows them: one pair per step, with the prompt
that acting has, within a limit of tokens. A model so trained then acts without retrieval.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TypeAlias

from indexing.records import JSON, Trajectory
from retrievers.situation import Situation
from synthesis.acting import SYSTEM, step_told, uncut_prompt
from synthesis.prompts import middle_cut

MOST_TOKENS = 8_192
"""The paper's."""
MESSAGE_TOKENS = 8
"""Set aside for each message, for what a chat template puts around it."""
MARGIN = 8
"""Tokens that an observation is first cut by beyond what is too many; each time after, twice as many."""

Count: TypeAlias = Callable[[Sequence[str]], list[int]]
"""The tokens of texts, as `indexing.tokens.Tokenizer` counts them."""


def failed(trajectory: Trajectory) -> bool:
    """Whether it is known not to have reached its goal."""
    return (trajectory.outcome or {}).get("success") is False


def examples(trajectory: Trajectory, most_tokens: int, count: Count) -> Iterator[dict[str, JSON]]:
    """A pair for each step, of at most `most_tokens`; what was seen last has no action, and so no pair.

    Where there are more, the oldest steps of the history are left out, and after all of them the middle
    of the current observation. A step has no pair where instruction and action alone are too long.
    """
    through = (0, *accumulate(count([step_told(step) for step in trajectory.steps])))
    for index, step in enumerate(trajectory.steps):
        room = most_tokens - sum(count([SYSTEM, step.action])) - 3 * MESSAGE_TOKENS
        prompt = _within(room, trajectory, index, through, count)
        if prompt is not None:
            said = (("system", SYSTEM), ("user", prompt), ("assistant", step.action))
            messages = [{"role": role, "content": content} for role, content in said]
            yield {"id": trajectory.id, "step": index, "messages": messages}


def _within(
    room: int, trajectory: Trajectory, index: int, through: Sequence[int], count: Count
) -> str | None:
    """The prompt of a step in at most `room` tokens; None where none is so short.

    `through` holds the tokens of the first 0, 1, 2, ... steps, which only say where to begin: a sum of
    parts may differ from the whole.
    """
    steps = trajectory.steps
    observation = steps[index].observation

    def told(first: int, observation: str) -> str:
        return uncut_prompt(Situation(trajectory.instruction, steps[first:index], observation), first)

    def excess(prompt: str) -> int:
        return count([prompt])[0] - room

    spare = -excess(told(index, observation))
    first = min(index, bisect_left(through, through[index] - spare, 0, index + 1))
    while first < index and excess(told(first, observation)) > 0:
        first += 1
    prompt = told(first, observation)
    length, margin = len(observation), MARGIN
    while (over := excess(prompt)) > 0:
        if length == 0:
            return None
        shown = max(1, count([middle_cut(observation, length)])[0])
        length = length * max(0, shown - over - margin) // shown
        margin *= 2
        prompt = told(index, middle_cut(observation, length))
    return prompt
