from __future__ import annotations

from evaluation.agents import Advice
from evaluation.statements import proposer, put
from indexing.records import Step
from retrievers.situation import Situation

SCHEMA = {"boats": ["boat_id", "boat_name", "length"], "harbours": ["harbour_id", "city"]}
QUESTION = Situation('How many boats have the name "Nina"?', (), "")
COUNTED = Advice("SELECT count(*) FROM cars WHERE Name = 'Ada'", "", 'How many cars have the name "Ada"?', "")


def test_identifiers_become_those_most_like_them_and_values_ours() -> None:
    assert put(COUNTED, QUESTION, SCHEMA) == "SELECT count(*) FROM boats WHERE boat_name = 'Nina'"


def test_columns_are_those_of_the_tables_named() -> None:
    told = Advice("SELECT T1.town FROM port AS T1", "", "Which town does each port lie in?", "")
    asked = Situation("Which city does each harbour lie in?", (), "")
    assert put(told, asked, SCHEMA) == "SELECT T1.city FROM harbours AS T1"


def test_what_is_no_statement_stays() -> None:
    assert put(Advice("SHOW TABLES", "", "Count them.", ""), QUESTION, SCHEMA) == "SHOW TABLES"


def test_what_was_tried_is_not_proposed_again() -> None:
    propose = proposer(SCHEMA)
    (first,) = propose(QUESTION, [COUNTED, COUNTED])
    tried = Situation(QUESTION.instruction, (Step("", first),), "[]")
    assert propose(tried, [COUNTED]) == []
