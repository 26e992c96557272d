"""What can go wrong while data is made, as one tree.

PrecedentError
└── SynthesisFault
    ├── Unreadable      a model's answer isn't what was asked; asked again a bounded number of times
    ├── CallFailed      a call that failed for good; `kind` says why: what it was for is counted as failed
    └── BudgetSpent     the next call would go over the run's budget; the run stops and can be resumed
"""

from __future__ import annotations

from indexing.errors import PrecedentError


class SynthesisFault(PrecedentError):
    """Base of all errors of this room."""


class Unreadable(SynthesisFault):
    """A model's answer isn't what was asked."""


class CallFailed(SynthesisFault):
    """A call failed for good. `kind` is one of the model seam's failures, or "unreadable"."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class BudgetSpent(SynthesisFault):
    """The run's budget is spent."""
