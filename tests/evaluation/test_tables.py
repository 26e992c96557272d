"""What the terminal shows of a comparison."""

from __future__ import annotations

import io

from rich.console import Console

from evaluation.summarize import summarize
from evaluation.tables import tables
from tests.evaluation.made_up import SKILL, row, rows


def shown(*collections: str, width: int = 120) -> list[list[str]]:
    """The lines of each table."""
    found = []
    for table in tables(summarize(rows(collections), resamples=200), "agentic"):
        console = Console(file=io.StringIO(), width=width, markup=False)
        console.print(table)
        assert isinstance(console.file, io.StringIO)
        found.append(console.file.getvalue().splitlines())
    return found


def test_every_variant_has_a_line_with_its_figures() -> None:
    by_number, by_tokens = shown("rooms")
    assert by_number[0].split()[:3] == ["variant", "hit@1", "hit@5"]
    assert {line.split()[0] for line in by_number[1:]} == {*SKILL, "reachable"}
    assert by_tokens[0].split() == ["hit", "within", "tokens", "500", "1,000"]
    assert len(by_tokens) == 1 + len(SKILL)


def test_several_collections_stand_side_by_side() -> None:
    *_, by_collection = shown("rooms", "shops")
    assert by_collection[0].split()[1:4] == ["agentic", "instruction", "paper"]
    assert [line.split()[0] for line in by_collection[1:]] == ["rooms", "shops"]


def test_no_figure_is_cut_off_on_a_narrow_terminal() -> None:
    for wide, narrow in zip(shown("rooms"), shown("rooms", width=80), strict=True):
        assert set(" ".join(wide[1:]).split()) <= set(" ".join(narrow).split())


def test_what_was_not_measured_is_left_open() -> None:
    made = [row(), row("e2", variant="paper", budget=500), row("e3", variant="instruction", slot=None)]
    by_number, by_tokens = tables(summarize(made, resamples=200), "agentic")
    assert by_number.row_count == 3
    assert by_tokens.row_count == 1
