"""One written form for actions, and how they fold into steps."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from indexing.formats._actions import call, code, respond
from indexing.formats._episode import Episode
from indexing.records import Step

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda items: st.lists(items, max_size=3) | st.dictionaries(st.text(), items, max_size=3),
    max_leaves=8,
)


def test_a_call_is_its_name_and_compact_json() -> None:
    action = call("book_flight", {"to": "Zürich", "seats": 2})
    assert action == 'book_flight({"seats":2,"to":"Zürich"})'
    assert call("submit", {}) == "submit({})"


def test_arguments_that_were_no_json_stay_as_they_were() -> None:
    assert call("search", '{"q": ') == 'search({"q": )'


def test_a_reply_is_a_call_too() -> None:
    assert respond('Say "yes"') == 'respond({"content":"Say \\"yes\\""})'


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_arguments_can_be_read_back_and_their_order_does_not_matter(arguments: dict[str, object]) -> None:
    action = call("act", arguments)
    assert json.loads(action.removeprefix("act(").removesuffix(")")) == arguments
    assert call("act", dict(reversed(arguments.items()))) == action
    assert "\n" not in action


def test_code_is_fenced_by_more_backticks_than_it_has() -> None:
    assert code("bash", "ls -l") == "```bash\nls -l\n```"
    assert code("markdown", "````\nx\n````") == "`````markdown\n````\nx\n````\n`````"


def test_a_step_has_all_that_was_seen_since_the_last_action() -> None:
    episode = Episode()
    episode.see("one")
    episode.see("two")
    episode.act("go", "because")
    episode.see("three")
    assert episode.steps == [Step("one\ntwo", "go", "because")]
    assert episode.final_observation == "three"


def test_where_nothing_new_was_seen_the_agent_stands_where_it_stood() -> None:
    episode = Episode()
    episode.see("page")
    episode.act("left", " ")
    episode.act("right")
    episode.see("")
    episode.act("on")
    assert episode.steps == [Step("page", "left"), Step("page", "right"), Step("", "on")]
    assert episode.final_observation is None
