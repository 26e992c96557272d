"""The Agent Trajectory Interchange Format (ATIF v1.x): reads its `steps` into a log."""

from __future__ import annotations

from collections.abc import Mapping

from indexing.formats._actions import call, code, respond
from indexing.formats._log import Log
from indexing.formats._values import object_in, text_in
from indexing.records import JSON


def read_step(step: Mapping[str, JSON], log: Log) -> None:
    """Add one ATIF step: a text of the system or the user, or an agent's turn with its results."""
    if step.get("is_copied_context"):
        log.report.skip("step copied from another trajectory")
        return
    message = _content(step.get("message"), log)
    match step.get("source"):
        case "system":
            log.system(message)
        case "user":
            log.user(message)
        case "agent":
            _agent(step, message, log)
        case _:
            log.report.skip("step of an unknown source")
            return
    results = object_in(step, "observation").get("results")
    for result in results if isinstance(results, list) else ():
        if isinstance(result, dict):
            log.see(_result(result, log))
            log.add_reward(object_in(result, "extra").get("reward"))
    log.add_reward(object_in(step, "extra").get("reward"))


def _agent(step: Mapping[str, JSON], message: str, log: Log) -> None:
    reasoning = text_in(step, "reasoning_content")
    calls = step.get("tool_calls")
    thoughts: tuple[str | None, ...] = (reasoning, message)
    for item in calls if isinstance(calls, list) else ():
        name = text_in(item, "function_name") if isinstance(item, dict) else None
        if name is None:
            log.report.skip("tool call without a name")
            continue
        log.act(_action(name, item), *thoughts)
        thoughts = ()
    if not calls and message.strip():
        log.act(respond(message), reasoning)


def _action(name: str, tool_call: Mapping[str, JSON]) -> str:
    """The call; code that was wrapped into one on the way from ADP's standardized form is code again."""
    given, extra = object_in(tool_call, "arguments"), object_in(tool_call, "extra")
    text = text_in(given, "command", "code", "content") if extra.get("adp_class") == "code_action" else None
    return code(text_in(extra, "language") or "", text) if text else call(name, given)


def _result(result: Mapping[str, JSON], log: Log) -> str:
    text = _content(result.get("content"), log)
    page = object_in(object_in(result, "extra"), "web")
    return text if text.strip() else text_in(page, "axtree", "html") or text


def _content(content: JSON, log: Log) -> str:
    """Text, or parts of which the images are kept by name."""
    if isinstance(content, str):
        return content
    texts = []
    for part in content if isinstance(content, list) else ():
        source = part.get("source") if isinstance(part, dict) else None
        if isinstance(source, dict):
            log.image(source.get("path"))
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        else:
            log.report.skip("message part that is not text")
    return "\n".join(texts)
