"""The page of the last answers: counted and drawn as they were given, and never more than so many."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service.pages.latency import counted, drawn, quantile
from service.recent import KEPT, Answered, Recent
from tests.service.running import create, trajectory


def answered(ms: float, at: float = 0.0, shown: int = 1) -> Answered:
    return Answered(at, "rooms", "agentic", ms, shown, False, {"search": ms / 2})


def test_answers_are_counted_by_strategy(client: TestClient) -> None:
    create(client, "rooms", trajectory("one"))
    assert "Nothing was asked yet" in client.get("/ui/-/latency").text
    for strategy, filter in (("agentic", {}), ("agentic", {"site": "none"}), ("paper", {})):
        asked = {"collection": "rooms", "instruction": "Book", "strategy": strategy, "filter": filter}
        assert client.post("/retrieve", json=asked).status_code == 200
    assert client.post("/retrieve", json={"collection": "none", "instruction": "x"}).status_code == 404
    client.get("/ui/rooms/ask?trajectory=one")
    page = client.get("/ui/-/latency").text
    rows = re.findall(r'<th scope="row">(\w+)</th>\s*<td class="n">(\d+)</td>', page)
    assert rows == [("agentic", "2"), ("paper", "1")]
    assert "50.0 %" in page
    assert page.count('class="mark ours"') == 2
    assert page.count('class="mark paper"') == 1
    assert client.get("/ui/-/latency/live").text.count('class="mark') == 3


def test_only_so_many_are_kept() -> None:
    recent = Recent()
    for number in range(KEPT + 10):
        recent.note("rooms", "agentic", {"search": 1.0, "total": float(number)}, 1, False)
    assert [one.ms for one in recent.listed()] == [float(number) for number in range(10, KEPT + 10)]
    assert recent.listed()[0].stages == {"search": 1.0}


def test_numbers_are_those_of_the_strategy() -> None:
    answers = [answered(float(ms), shown=ms % 2) for ms in range(1, 101)]
    row = counted("agentic", answers)
    assert (row["count"], row["median"], row["p95"], row["most"]) == (100, 50.0, 95.0, 100.0)
    assert row["empty"] == 0.5
    assert row["stages"] == [("search", 25.0)]


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_quantile_is_reached_by_its_share(values: list[float], share: float) -> None:
    found = quantile(sorted(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e9)), min_size=1))
def test_every_answer_is_drawn_within_the_figure(told: list[tuple[float, float]]) -> None:
    answers = [answered(ms, at) for ms, at in sorted(told, key=lambda pair: pair[1])]
    figure = drawn(answers)
    dots = [mark for mark in figure.marks if mark.kind == "dot"]
    assert len(dots) == len(answers)
    assert all(0 <= dot.x <= figure.width and 0 <= dot.y <= figure.height for dot in dots)
