"""Questions to be answered in SQL, turn by turn: Spider as InterCode plays it (Yang et al., NeurIPS 2023).

A query is answered with its rows, or with what is wrong with it; `submit` ends the episode, and the
last query counts. InterCode's agents that try again are judged at every query instead. Databases are
SQLite's and can only be read; what is seen of them reads as MySQL's does in InterCode's logs.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from environments.base import Start, StepResult, Task
from environments.errors import MissingEnvironment, NoEpisode, UnknownTask
from environments.sql_databases import Database, Databases, Refused, Rows
from environments.sql_words import answer, shown, statement

SUBMIT = "submit"
IN_BRACKETS = re.compile(r"\([^()]*\)")
IN_QUOTES = re.compile(r"'[^']*'|\"[^\"]*\"")
ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the database that answers it and the query that does."""

    database: str
    text: str
    gold: str


class SQL:
    """A task is a database's name and the number of a question in the file, as InterCode counts them."""

    def __init__(
        self,
        questions: Path,
        databases: Path,
        judged: Literal["on submit", "each query"] = "on submit",
        step_limit: int = 10,
        time_limit_s: float = 5.0,
        row_limit: int = 20_000,
    ) -> None:
        """`questions` is InterCode's JSON; `databases` a folder of SQLite files, or its MySQL dump."""
        self._file = questions
        self._databases = Databases(databases, time_limit_s, row_limit)
        self._judged = judged
        self._step_limit = step_limit
        self._opened: tuple[str, Database] | None = None
        self._question: Question | None = None
        self._wanted: Rows = []
        self._seen = ""
        self._rows: Rows | None = None
        self._steps = 0

    def reset(self, task: Task) -> Start:
        question = self._questions.get(task.variation)
        if question is None or question.database != task.name:
            numbers = self.questions(task.name)
            if not numbers:
                known = ", ".join(sorted({question.database for question in self._questions.values()}))
                raise UnknownTask(f"no question is about a database {task.name!r}; they are about {known}")
            raise UnknownTask(f"question {task.variation} isn't about {task.name}; {numbers[0]} is")
        self._question = None
        if self._opened is None or self._opened[0] != task.name:
            self.close()
            self._opened = task.name, self._databases.open(task.name)
        try:
            self._wanted = self._opened[1].ask(question.gold)
        except Refused as refusal:
            raise UnknownTask(
                f"question {task.variation} can't be judged: its own query says {refusal}"
            ) from None
        self._question, self._seen, self._rows, self._steps = question, "", None, 0
        return Start(question.text, "")

    def step(self, action: str) -> StepResult:
        if self._question is None or self._opened is None:
            raise NoEpisode("SQL: call reset first; an episode that is over takes no action")
        question, (name, database) = self._question, self._opened
        self._steps += 1
        submitted = action.strip().rstrip(";").lower() == SUBMIT
        if not submitted:
            try:
                self._rows = answer(database, name, statement(action))
                self._seen = shown(self._rows)
            except Refused as refusal:
                self._rows, self._seen = None, f"Error executing query: {refusal}"
        over = submitted or self._steps >= self._step_limit
        judged = over or self._judged == "each query"
        answered = judged and self._rows is not None
        reward = overlap(self._rows or [], self._wanted, ordered(question.gold)) if answered else 0.0
        done = over or reward == 1.0
        if done:
            self._question = None
        return StepResult(self._seen, reward, done, reward == 1.0)

    def admissible_actions(self) -> None:
        """Any statement may be tried."""
        return

    def close(self) -> None:
        opened, self._opened, self._question = self._opened, None, None
        if opened is not None:
            opened[1].close()

    def databases(self) -> list[str]:
        """The databases that questions are about."""
        return sorted({question.database for question in self._questions.values()})

    def questions(self, database: str) -> list[int]:
        """The numbers of the questions about a database."""
        return [number for number, question in self._questions.items() if question.database == database]

    def tables(self) -> Mapping[str, list[str]]:
        """The present database's tables and the names of their columns."""
        if self._opened is None:
            raise NoEpisode("SQL: call reset first")
        return {table: [column.name for column in cs] for table, cs in self._opened[1].tables.items()}

    @cached_property
    def _questions(self) -> Mapping[int, Question]:
        if not self._file.is_file():
            raise MissingEnvironment(
                f"the SQL questions are not at {self._file}: name InterCode's file of them"
            )
        try:
            entries = json.loads(self._file.read_text(encoding="utf-8"))
            questions = [Question(entry["db"], entry["query"], entry["gold"]) for entry in entries]
        except (ValueError, KeyError, TypeError):
            raise MissingEnvironment(f"{self._file} is not InterCode's file of SQL questions") from None
        return dict(enumerate(questions))


def ordered(query: str) -> bool:
    """Does a query put its rows in order? Its subqueries don't count."""
    query = IN_QUOTES.sub("", query)
    while (inner := IN_BRACKETS.sub("", query)) != query:
        query = inner
    return ORDERED.search(query) is not None


def overlap(rows: Rows, wanted: Rows, in_order: bool) -> float:
    """How much of two results is the same, from 0 to 1: rows in common, or in place where order counts.

    1 for equal results and no others; InterCode's measure but for its scaling by rank correlation.
    """
    if rows == wanted:
        return 1.0
    if in_order:
        return sum(map(tuple.__eq__, rows, wanted)) / max(len(rows), len(wanted))
    ours, theirs = Counter(rows), Counter(wanted)
    return (ours & theirs).total() / (ours | theirs).total()
