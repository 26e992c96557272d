"""What an expression of PromQL asks for: each metric with the labels that it is filtered and grouped by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    MatrixSelector,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
    parse,
)

OF_THE_SCRAPE = frozenset({"instance", "job"})
"""Labels that Prometheus adds to everything it scrapes."""


@dataclass(slots=True)
class Series:
    """A selected metric, and every label that the expression takes it to have."""

    name: str
    labels: set[str] = field(default_factory=set)


def selected(text: str) -> list[Series]:
    """The metrics of an expression; raises ValueError for what is no PromQL."""
    return list(_walk(parse(text)))


def _walk(expression: Expr) -> Iterator[Series]:
    match expression:
        case VectorSelector():
            yield Series(expression.name or "", {one.name for one in expression.matchers.matchers})
        case MatrixSelector():
            yield from _walk(expression.vector_selector)
        case AggregateExpr():
            grouped = set(expression.modifier.labels) if expression.modifier else set()
            for series in _walk(expression.expr):
                series.labels |= grouped
                yield series
        case BinaryExpr():
            yield from _walk(expression.lhs)
            yield from _walk(expression.rhs)
        case Call():
            for argument in expression.args:
                yield from _walk(argument)
        case ParenExpr() | UnaryExpr() | SubqueryExpr():
            yield from _walk(expression.expr)
