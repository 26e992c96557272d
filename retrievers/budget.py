"""Counting what a rendering costs, from counts made when the records were indexed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from indexing.tokens import Tokenizer
from retrievers.rendering import (
    ACTION,
    DEMONSTRATIONS,
    DOCUMENTS,
    FINAL,
    INSTRUCTION,
    OBSERVATION,
    THOUGHT,
    demonstration_label,
    outcome_label,
    step_label,
)


class Meter:
    """Counts tokens by one tokenizer; labels are counted once and remembered."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.text = lru_cache(4096)(lambda text: tokenizer.count([text])[0])
        self._labels = lru_cache(1024)(self._count_labels)

    @property
    def additive(self) -> bool:
        """Whether sums of counts are counts of the whole."""
        return self.tokenizer.additive

    def frame(self, rank: int, success: bool | None) -> int:
        """A demonstration's own lines: its number, `Instruction:` and its outcome."""
        return (
            self.text(demonstration_label(rank)) + self.text(INSTRUCTION) + self.text(outcome_label(success))
        )

    def steps(self, counts: NDArray[np.int32], thinking: Sequence[int]) -> list[int]:
        """What each step of a trajectory costs where it isn't the matched one.

        `counts` (steps, 3) are of observation, action and thought; `thinking` are the steps with one.
        """
        costs: list[int] = (self._labels(len(counts)) + counts.sum(axis=1)).tolist()
        for index in thinking:
            costs[index] += self.text(THOUGHT)
        return costs

    def _count_labels(self, length: int) -> NDArray[np.int64]:
        texts = self.text(OBSERVATION) + self.text(ACTION)
        return np.array(
            [self.text(step_label(index, length, False)) + texts for index in range(length)], np.int64
        )

    def matched(self, index: int, length: int) -> int:
        """What the label of the matched step, of so many, costs more than another's."""
        return self.text(step_label(index, length, True)) - self.text(step_label(index, length, False))

    def final(self, observation: int) -> int:
        """A final observation that costs that much."""
        return self.text(FINAL) + observation

    @property
    def demonstrations_heading(self) -> int:
        return self.text(DEMONSTRATIONS)

    @property
    def documents_heading(self) -> int:
        return self.text(DOCUMENTS)
