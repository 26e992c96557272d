"""Planning problems, played: the part of PDDL that ALFWorld's games are written in.

Flat types, `and`, `or`, `not`, `exists`, `=` in conditions; facts, their negation and `when` in
effects. Costs are ignored. What stands under `not` must be bound by what stands beside it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Expression: TypeAlias = "str | tuple[Expression, ...]"
Fact: TypeAlias = tuple[str, ...]
"""A predicate, then what it is said of."""
Binding: TypeAlias = Mapping[str, str]
"""What each variable ("?o") stands for."""

TOKEN = re.compile(r";[^\n]*|([()]|[^\s();]+)")
LATER = 10**9
"""Rank of a condition that waits until others have bound its variables."""


class Malformed(ValueError):
    """Not a planning problem of the kind that is understood here."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A kind of action."""

    name: str
    parameters: Mapping[str, str]
    precondition: tuple[Expression, ...]
    effect: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What there is (with its type), what is so at first, what shall be, what can be done."""

    objects: Mapping[str, str]
    facts: frozenset[Fact]
    goal: tuple[Expression, ...]
    schemas: tuple[Schema, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """An action that can be taken now, and what it changes."""

    name: str
    binding: Binding
    added: frozenset[Fact]
    removed: frozenset[Fact]


def parse(domain: str, problem: str) -> Problem:
    """A problem from its two texts; names are lower case, as PDDL knows no other. Raises Malformed."""
    sections = {section[0]: section[1:] for section in _definition(problem)}
    schemas = tuple(_schema(section) for section in _definition(domain) if section[0] == ":action")
    if not schemas or not {":objects", ":init", ":goal"} <= sections.keys():
        raise Malformed("a problem needs :objects, :init and :goal, its domain an :action")
    facts = frozenset(_fact(item, {}) for item in sections[":init"] if item[0] not in ("=", "not"))
    return Problem(_typed(sections[":objects"]), facts, _condition(sections[":goal"][0]), schemas)


class World:
    """A problem's present state."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._facts: dict[str, set[Fact]] = defaultdict(set)
        for fact in problem.facts:
            self._facts[fact[0]].add(fact)

    @property
    def goal(self) -> Expression:
        """What shall be."""
        return self._problem.goal

    def holds(self, *fact: str) -> bool:
        """Is it so?"""
        return fact in self._facts[fact[0]]

    def among(self, predicate: str) -> list[Fact]:
        """All that a predicate is true of, each without the predicate, sorted."""
        return sorted(fact[1:] for fact in self._facts[predicate])

    def solved(self) -> bool:
        """Is the goal reached?"""
        return self._true(self._problem.goal, {})

    def moves(self) -> Iterator[Move]:
        """All that can be done now and would do something, in no order."""
        for schema in self._problem.schemas:
            for found in self._solutions(schema.precondition, {}):
                for binding in self._complete(schema, found):
                    added, removed = self._changes(schema.effect, binding)
                    if added - _required(schema.precondition, binding) or removed:
                        yield Move(schema.name, binding, added, removed)

    def apply(self, move: Move) -> None:
        """Let it happen."""
        for fact in move.removed:
            self._facts[fact[0]].discard(fact)
        for fact in move.added:
            self._facts[fact[0]].add(fact)

    def _true(self, condition: Expression, binding: Binding) -> bool:
        return next(self._solutions(condition, binding), None) is not None

    def _solutions(self, condition: Expression, binding: Binding) -> Iterator[Binding]:
        match condition:
            case ():
                yield binding
            case ("and", *parts):
                yield from self._together(parts, binding)
            case ("or", *parts):
                for part in parts:
                    yield from self._solutions(part, binding)
            case ("exists", tuple(variables), inner):
                own = _typed(variables)
                outer = {name: value for name, value in binding.items() if name not in own}
                for found in self._solutions(inner, outer):
                    yield {name: value for name, value in found.items() if name not in own} | dict(binding)
            case ("not", inner):
                if not self._true(inner, binding):
                    yield binding
            case ("=", str(one), str(other)):
                if binding.get(one, one) == binding.get(other, other):
                    yield binding
            case _:
                yield from self._matches(condition, binding)

    def _together(self, parts: Sequence[Expression], binding: Binding) -> Iterator[Binding]:
        if not parts:
            yield binding
            return
        first = min(range(len(parts)), key=lambda index: self._rank(parts[index], binding))
        rest = [*parts[:first], *parts[first + 1 :]]
        for found in self._solutions(parts[first], binding):
            yield from self._together(rest, found)

    def _rank(self, part: Expression, binding: Binding) -> int:
        """How many solutions a condition may have: few first."""
        free = any(name not in binding for name in _variables(part))
        if part[0] in ("not", "="):
            return LATER if free else 0
        if part[0] in ("and", "or", "exists"):
            return LATER - 1 if free else 1
        return len(self._facts[str(part[0])]) if free else 0

    def _matches(self, pattern: Expression, binding: Binding) -> Iterator[Binding]:
        wanted = _fact(pattern, binding)
        if not any(word.startswith("?") for word in wanted):
            if wanted in self._facts[wanted[0]]:
                yield binding
            return
        for fact in self._facts[wanted[0]]:
            found = dict(binding)
            if len(fact) == len(wanted) and all(
                found.setdefault(word, value) == value if word.startswith("?") else word == value
                for word, value in zip(wanted, fact, strict=True)
            ):
                yield found

    def _complete(self, schema: Schema, binding: Binding) -> Iterator[Binding]:
        """With a value for each parameter that the precondition leaves open."""
        name = next((name for name in schema.parameters if name not in binding), None)
        if name is None:
            yield binding
            return
        for value, kind in self._problem.objects.items():
            if kind == schema.parameters[name]:
                yield from self._complete(schema, {**binding, name: value})

    def _changes(self, effect: Expression, binding: Binding) -> tuple[frozenset[Fact], frozenset[Fact]]:
        added: set[Fact] = set()
        removed: set[Fact] = set()
        todo = [effect]
        while todo:
            match todo.pop():
                case () | ("increase", *_):
                    pass
                case ("and", *parts):
                    todo.extend(parts)
                case ("when", condition, inner):
                    if self._true(condition, binding):
                        todo.append(inner)
                case ("not", inner):
                    removed.add(_fact(inner, binding))
                case fact:
                    added.add(_fact(fact, binding))
        return frozenset(added), frozenset(removed - added)


def _required(condition: Expression, binding: Binding) -> set[Fact]:
    parts = condition[1:] if condition[:1] == ("and",) else (condition,)
    connectives = ("and", "or", "not", "exists", "=")
    return {_fact(part, binding) for part in parts if part and part[0] not in connectives}


def _variables(expression: Expression) -> Iterator[str]:
    if isinstance(expression, str):
        if expression.startswith("?"):
            yield expression
    elif expression and expression[0] == "exists":
        own = _typed(_condition(expression[1]))
        yield from (name for name in _variables(expression[2]) if name not in own)
    else:
        for part in expression:
            yield from _variables(part)


def _fact(expression: Expression, binding: Binding) -> Fact:
    if not isinstance(expression, tuple) or not expression:
        raise Malformed(f"{expression!r} is no fact")
    words = []
    for part in expression:
        if not isinstance(part, str):
            raise Malformed(f"{part!r} is no name")
        words.append(binding.get(part, part))
    return tuple(words)


def _condition(expression: Expression) -> tuple[Expression, ...]:
    if isinstance(expression, str):
        raise Malformed(f"{expression!r} stands where a list is wanted")
    return expression


def _schema(section: tuple[Expression, ...]) -> Schema:
    fields = dict(zip(section[2::2], section[3::2], strict=False))
    parts = [_condition(fields.get(name, ())) for name in (":parameters", ":precondition", ":effect")]
    return Schema(str(section[1]), _typed(parts[0]), parts[1], parts[2])


def _typed(words: Sequence[Expression]) -> dict[str, str]:
    """`a b - t, c - u` as what has which type."""
    found: dict[str, str] = {}
    waiting: list[str] = []
    names = iter(str(word).strip(",") for word in words)
    for name in names:
        if name == "-":
            kind = next(names, "object")
            found.update(dict.fromkeys(waiting, kind))
            waiting = []
        else:
            waiting.append(name)
    return found | dict.fromkeys(waiting, "object")


def _definition(text: str) -> list[tuple[Expression, ...]]:
    """The sections of `(define …)`."""
    open_lists: list[list[Expression]] = [[]]
    for match in TOKEN.finditer(text.lower()):
        token = match[1]
        if token == "(":
            open_lists.append([])
        elif token == ")":
            if len(open_lists) == 1:
                raise Malformed("a closing parenthesis too many")
            closed = tuple(open_lists.pop())
            open_lists[-1].append(closed)
        elif token:
            open_lists[-1].append(token)
    if len(open_lists) > 1 or not open_lists[0] or open_lists[0][0][:1] != ("define",):
        raise Malformed("no complete (define …)")
    return [_condition(section) for section in open_lists[0][0][1:] if section]
