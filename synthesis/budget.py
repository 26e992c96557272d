"""What the calls of a run may cost, what they have cost, and the gate between the two.

The model seam reports no usage, so tokens are estimated: a quarter of the characters, rounded up. An
answer is counted with `max_tokens` at the most, for no model writes more than it is allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from synthesis.errors import BudgetSpent

CHARACTERS_PER_TOKEN = 4
A_MILLION = 1_000_000
ROUNDING = 1e-9
"""How far sums of money may be apart and still be equal."""


def estimated_tokens(text: str) -> int:
    """About as many tokens as the text has: a quarter of its characters, rounded up.

    >>> estimated_tokens(""), estimated_tokens("what"), estimated_tokens("whale")
    (0, 1, 2)
    """
    return -(-len(text) // CHARACTERS_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, read and written, in whatever currency the budget is in."""

    tokens_in: float
    tokens_out: float

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """The price of a call."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / A_MILLION


FREE = Price(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Charge:
    """Calls, their tokens and their price."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0

    @classmethod
    def of(cls, price: Price, tokens_in: int, tokens_out: int) -> Charge:
        """One call."""
        return cls(1, tokens_in, tokens_out, price.of(tokens_in, tokens_out))

    def __add__(self, other: Charge) -> Charge:
        return Charge(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cost + other.cost,
        )


NOTHING = Charge()


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The most that a run may spend over its whole life, restarts included; None is no limit."""

    calls: int | None = None
    tokens: int | None = None
    cost: float | None = None

    def passed_by(self, charge: Charge) -> str | None:
        """The limit that a sum is over, in words, or None.

        >>> CallLimits(calls=2).passed_by(Charge(3))
        'more than 2 calls'
        """
        if self.calls is not None and charge.calls > self.calls:
            return f"more than {self.calls} calls"
        if self.tokens is not None and charge.tokens_in + charge.tokens_out > self.tokens:
            return f"more than {self.tokens} tokens"
        if self.cost is not None and charge.cost > self.cost + ROUNDING:
            return f"a cost over {self.cost:g}"
        return None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has spent, restarts included.

    `calls` were answered, or may have been and are billed: a request that timed out counts in full.
    `cached` answers cost nothing, counted since the run was opened. `failures` are attempts that came
    to nothing, by kind: the model seam's, and "unreadable" for answers that weren't what was asked.
    """

    calls: int = 0
    cached: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    failures: Mapping[str, int] = field(default_factory=dict)


class Budget:
    """Lets a call pass when it can't lead over the limits, whatever the calls in flight turn out to cost.

    What a call may cost at the most is reserved before it is made, and given back when the actual
    charge is known. A call that would fit if those in flight come cheaper waits for them, so that a
    budget is used up the same way however many calls run at once.
    """

    def __init__(self, limits: CallLimits, spent: Charge = NOTHING) -> None:
        self._limits = limits
        self._reserved: list[Charge] = []
        self._settled = asyncio.Event()
        self.spent = spent

    async def reserve(self, most: Charge) -> None:
        """Set aside what a call may cost; raises BudgetSpent when that is more than is left."""
        while True:
            if passed := self._limits.passed_by(self.spent + most):
                raise BudgetSpent(f"the run's budget is spent: the next call might mean {passed}")
            if not self._limits.passed_by(sum(self._reserved, self.spent) + most):
                break
            await self._settled.wait()
        self._reserved.append(most)

    def settle(self, most: Charge, actual: Charge) -> None:
        """Put what a call did cost in the place of what was reserved for it."""
        self._reserved.remove(most)
        self.spent += actual
        self._settled.set()
        self._settled = asyncio.Event()
