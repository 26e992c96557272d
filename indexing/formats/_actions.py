"""One written form for the actions of agents that call tools.

Every action is a call, a name and a JSON object: `book_flight({"date":"2024-05-20"})`. What the
agent says to its user is one too, `respond({"content":"…"})`, as in tau-bench, so that a reader
never has to guess whether a text was said or called. Equal calls are equal texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from indexing.records import JSON

RESPOND = "respond"


def compact(value: JSON) -> str:
    """Deterministic JSON: keys sorted, no blanks between, text as it is."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def call(name: str, arguments: Mapping[str, JSON] | str) -> str:
    """A call as an action; arguments that were no JSON are given as the text they were."""
    written = arguments if isinstance(arguments, str) else compact(arguments)
    return f"{name}({written})"


def respond(text: str) -> str:
    """Something said to the user, as an action."""
    return call(RESPOND, {"content": text})


def code(language: str, text: str) -> str:
    """Code to run, as an action: a fenced block, the fence longer than any in the code."""
    longest = max((len(fence) for fence in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
