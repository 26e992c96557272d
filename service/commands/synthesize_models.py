"""Who does what in `precedent synthesize`, and what that costs: models and prices by role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from indexing.errors import InvalidInput
from service.settings import load_settings

if TYPE_CHECKING:
    from retrievers.language_model import LanguageModel
    from synthesis.budget import Price

ACT, CONSTRUCT = "act", "construct"


def judge_roles(judges: Sequence[str]) -> list[str]:
    """The role of each judge; of one where none is named."""
    return [f"judge-{number}" if number > 1 else "judge" for number in range(1, max(1, len(judges)) + 1)]


def scripted() -> dict[str, LanguageModel]:
    """What writes by rule where no model is asked."""
    from synthesis.scripted import RuleSummariser

    return {CONSTRUCT: RuleSummariser()}


def models_by_role(
    model: str | None, constructor: str | None, judges: Sequence[str]
) -> dict[str, LanguageModel]:
    """The model of each role, as the command line names them or else the settings."""
    from retrievers.remote_model import language_model

    settings = load_settings()

    def named(text: str | None) -> LanguageModel:
        wanted = settings.model(text)
        if wanted is None:
            raise InvalidInput("name a model, such as --model openai:NAME, or set PRECEDENT_MODEL_NAME")
        return language_model(wanted)

    roles = {ACT: named(model), CONSTRUCT: named(constructor or model)}
    voting = zip(judge_roles(judges), judges or [""], strict=True)
    return roles | {role: named(text or model) for role, text in voting}


def prices_by_role(
    price_in: Sequence[str], price_out: Sequence[str], judges: Sequence[str]
) -> dict[str, Price]:
    """The price of each role; empty where none is given.

    Each text is a number for all roles or `ROLE=NUMBER` for one, which stands above it.
    """
    from synthesis.budget import Price

    if not (price_in or price_out):
        return {}
    roles = [ACT, CONSTRUCT, *judge_roles(judges)]
    read, written = _numbers("--price-in", price_in, roles), _numbers("--price-out", price_out, roles)
    return {role: Price(read[role], written[role]) for role in roles}


def check_cost(most: float | None, prices: Mapping[str, Price], scripted: bool) -> None:
    """Raise InvalidInput for a budget in money that has no meaning."""
    if scripted and (prices or most is not None):
        raise InvalidInput("--scripted asks no model, so nothing costs: leave prices and --cost out")
    if most is not None and not prices:
        raise InvalidInput("--cost needs the prices: give --price-in and --price-out, per million tokens")


def readable(number: float) -> str:
    """A count, or money to four places.

    >>> readable(12_000), readable(1.5), readable(0.0)
    ('12,000', '1.5', '0')
    """
    return f"{number:,}" if isinstance(number, int) else f"{number:,.4f}".rstrip("0").rstrip(".")


def _numbers(option: str, texts: Sequence[str], roles: Sequence[str]) -> Mapping[str, float]:
    of_all: float | None = None
    given: dict[str, float] = {}
    for text in texts:
        role, named, number = text.rpartition("=")
        if named and role not in roles:
            raise InvalidInput(f"{option} {text}: the roles are {', '.join(roles)}")
        if named:
            given[role] = _number(option, text, number)
        else:
            of_all = _number(option, text, number)
    prices = {role: given.get(role, of_all) for role in roles}
    if missing := [role for role, price in prices.items() if price is None]:
        raise InvalidInput(
            f"{option}: say what a million tokens cost for {', '.join(missing)}; "
            f"a number alone, such as {option} 0.5, holds for every role"
        )
    return {role: price for role, price in prices.items() if price is not None}


def _number(option: str, text: str, number: str) -> float:
    try:
        price = float(number)
    except ValueError:
        price = -1.0
    if not (isfinite(price) and price >= 0):
        raise InvalidInput(f"{option} {text}: write NUMBER or ROLE=NUMBER, the price of a million tokens")
    return price
