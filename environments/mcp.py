"""The tools of an MCP server as an environment: an action is a call, an observation what it answers.

A call reads `name({"argument": 1})`. The server is a program that speaks over its standard streams
(Model Context Protocol, stdio); each episode starts it anew. `finish({"answer": "…"})` ends the
episode and no tool is asked; then the task's own calls tell whether it is done.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from environments.base import EXTRA, Start, StepResult, Task
from environments.errors import MissingEnvironment, NoEpisode, Stalled, UnknownTask
from environments.output import plain, shortened

FINISH = "finish"
CALL = re.compile(r"\s*([A-Za-z0-9_./-]+)\s*\((.*)\)\s*", re.DOTALL)
ASIDE = 'An action is a call of a tool, name({"argument": value}), or finish({"answer": "…"}).'
SAID = 300
"""Characters of what a broken server last said."""


@dataclass(frozen=True, slots=True)
class ToolTask:
    """What to do with a server's tools; done when `finish` was given the answer and `checks` hold.

    `checks` are calls, made after `finish`, and the text that each of them must answer.
    """

    name: str
    instruction: str
    answer: str | None = None
    checks: Mapping[str, str] = field(default_factory=dict)


class MCP:
    """Tasks are those it was made with, by name; each has one variation, 0."""

    def __init__(
        self,
        command: Sequence[str],
        tasks: Sequence[ToolTask],
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
        patience: float = 30.0,
        step_limit: int = 50,
        shown: int = 16_000,
    ) -> None:
        """`command` starts the server in `folder`, with `env` besides PATH, HOME and their like."""
        self._command, self._env, self._folder = tuple(command), dict(env or {}), folder
        self._tasks = {task.name: task for task in tasks}
        self._patience, self._step_limit, self._shown = patience, step_limit, shown
        self._open = ExitStack()
        self._client: Any = None
        self._wait: Any = None
        self._task: ToolTask | None = None
        self._steps = 0

    def reset(self, task: Task) -> Start:
        wanted = self._tasks.get(task.name)
        if wanted is None or task.variation:
            raise UnknownTask(f"no task {task.name!r} {task.variation}; there are {', '.join(self._tasks)}")
        self.close()
        self._connect()
        tools = self._ask(self._client.list_tools)
        self._task, self._steps = wanted, 0
        return Start(wanted.instruction, "\n".join(["Tools:", *map(signature, tools.tools)]))

    def step(self, action: str) -> StepResult:
        if self._task is None:
            raise NoEpisode("MCP: call reset first; an episode that is over takes no action")
        self._steps += 1
        read = understood(action)
        if isinstance(read, str):
            observation, finished = read, False
        else:
            finished = read[0] == FINISH
            observation = "Finished." if finished else self._call(*read)
        if not finished and self._steps < self._step_limit:
            return StepResult(observation, 0.0, False, False)
        task = self._task
        answered = task.answer is None or (
            finished and isinstance(read, tuple) and str(read[1].get("answer", "")).strip() == task.answer
        )
        success = answered and all(self._holds(call, text) for call, text in task.checks.items())
        self.close()
        return StepResult(observation, float(success), True, success)

    def admissible_actions(self) -> None:
        """Any call may be tried."""
        return

    def close(self) -> None:
        self._client = self._wait = self._task = None
        self._open.close()

    def _connect(self) -> None:
        try:
            import anyio.from_thread
            from mcp import Client, StdioServerParameters, stdio_client
        except ImportError:
            raise MissingEnvironment(f"MCP's own package isn't installed: {EXTRA}") from None
        program, *arguments = self._command
        server = StdioServerParameters(command=program, args=arguments, env=self._env, cwd=self._folder)
        said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._open.callback(said.close)
        try:
            self._wait = self._open.enter_context(anyio.from_thread.start_blocking_portal())
            client = Client(stdio_client(server, said), read_timeout_seconds=self._patience)
            self._client = self._open.enter_context(self._wait.wrap_async_context_manager(client))
        except Exception as fault:
            said.seek(0)
            last = said.read().strip()[-SAID:]
            self.close()
            raise Stalled(f"the MCP server {program} didn't start: {last or _told(fault)}") from fault

    def _call(self, name: str, arguments: Mapping[str, Any]) -> str:
        from mcp import MCPError

        try:
            result = self._ask(partial(self._client.call_tool, name, dict(arguments)), MCPError)
        except MCPError as refusal:
            return f"Error: {refusal}"
        text = "\n".join(filter(None, map(block_text, result.content)))
        if not text and result.structured_content is not None:
            text = json.dumps(result.structured_content, ensure_ascii=False)
        text = shortened(plain(text), self._shown) or "(nothing)"
        return f"Error: {text}" if result.is_error and not text.startswith("Error") else text

    def _ask(self, call: Callable[[], Any], answered: type[Exception] | tuple[()] = ()) -> Any:
        """What a call of the client gives; whatever fails but `answered` is a server that broke."""
        from mcp.types import CONNECTION_CLOSED, REQUEST_TIMEOUT

        try:
            return self._wait.call(call)
        except Exception as fault:
            broken = getattr(fault, "code", None) in (CONNECTION_CLOSED, REQUEST_TIMEOUT)
            if isinstance(fault, answered) and not broken:
                raise
            self.close()
            raise Stalled(f"the MCP server ended or gave no answer, reset: {_told(fault)}") from fault

    def _holds(self, call: str, text: str) -> bool:
        read = understood(call)
        return not isinstance(read, str) and self._call(*read) == text


def understood(action: str) -> tuple[str, dict[str, Any]] | str:
    """A call's name and arguments, or what is wrong with it.

    >>> understood('add({"a": 1})')
    ('add', {'a': 1})
    """
    found = CALL.fullmatch(action)
    if found is None:
        return f"This is no call. {ASIDE}"
    try:
        arguments = json.loads(found[2].strip() or "{}", parse_constant=_no_number)
        json.dumps(arguments, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as fault:
        return f"The arguments of {found[1]} are no JSON ({_told(fault)}). {ASIDE}"
    if not isinstance(arguments, dict):
        return f"The arguments of {found[1]} are no JSON object. {ASIDE}"
    return found[1], arguments


def signature(tool: Any) -> str:
    """A tool in one line: its name, its arguments with their types, what it does.

    An argument that may be left out has a question mark.
    """
    schema = tool.input_schema or {}
    required = schema.get("required", ())
    arguments = ", ".join(
        f'"{name}"{"" if name in required else "?"}: {_kind(kind)}'
        for name, kind in schema.get("properties", {}).items()
    )
    does = " ".join((tool.description or "").split())
    return f"- {tool.name}({{{arguments}}}){f': {does}' if does else ''}"


def block_text(block: Any) -> str:
    """One block of a result in words: a text as it is, anything else by what it is."""
    match block.type:
        case "text":
            return str(block.text)
        case "resource":
            return str(getattr(block.resource, "text", f"[resource {block.resource.uri}]"))
        case "resource_link":
            return f"[resource {block.uri}]"
        case kind:
            return f"[{kind} {getattr(block, 'mime_type', '')}".rstrip() + "]"


def _kind(schema: Any) -> str:
    if not isinstance(schema, dict):
        return "any"
    if "enum" in schema:
        return "|".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    kind = schema.get("type", "any")
    return "|".join(kind) if isinstance(kind, list) else str(kind)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _told(fault: BaseException) -> str:
    """A fault in words; of a group of them, the first."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return str(fault) or type(fault).__name__
