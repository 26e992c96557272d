"""Chat messages of the OpenAI form: the text in them and the tool calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from indexing.formats import ImportReport
from indexing.formats._actions import call
from indexing.formats._values import loads
from indexing.records import JSON


def content_text(content: JSON, report: ImportReport) -> str:
    """The text of a message's content, which is a text or a list of parts; other parts are counted."""
    if isinstance(content, str):
        return content
    texts = []
    for part in content if isinstance(content, list) else ():
        text = part if isinstance(part, str) else part.get("text") if isinstance(part, dict) else None
        if isinstance(text, str):
            texts.append(text)
        else:
            report.skip("message part that is not text")
    return "\n".join(texts)


def tool_calls(message: Mapping[str, JSON], report: ImportReport) -> list[str]:
    """The tool calls of an assistant's message as actions, the older `function_call` among them."""
    return [
        call(name, _arguments(function.get("arguments", function.get("input")), report))
        for function in _functions(message)
        if isinstance(name := function.get("name"), str) and name
    ]


def _functions(message: Mapping[str, JSON]) -> Iterator[Mapping[str, JSON]]:
    calls = message.get("tool_calls")
    for item in calls if isinstance(calls, list) else ():
        function = item.get("function", item.get("custom")) if isinstance(item, dict) else None
        if isinstance(function, dict):
            yield function
    function = message.get("function_call")
    if isinstance(function, dict):
        yield function


def _arguments(arguments: JSON, report: ImportReport) -> Mapping[str, JSON] | str:
    if isinstance(arguments, str):
        try:
            value = loads(arguments, report)
        except ValueError:
            return arguments
        return value if isinstance(value, dict) else arguments
    return arguments if isinstance(arguments, dict) else {}
