"""OpenAI chat messages with tool calls, the logs of tau-bench among them.

Read are JSON or JSON-lines files of objects with `messages`, of bare lists of messages, and of
tau-bench's `{"task_id", "reward", "info", "traj", "trial"}`. An assistant's tool calls are actions,
one step each; its text beside a call is the thought; its text alone is a `respond` action. User
messages and tool results are what is seen. The instruction is tau-bench's task (what its user was
told to want; the agent sees only the messages), else the first user message. The system prompt
is the agent's rules, not something seen in the environment: it is left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from indexing.formats import ImportReport
from indexing.formats._actions import respond
from indexing.formats._episode import Episode
from indexing.formats._files import iter_files
from indexing.formats._ids import Ids
from indexing.formats._messages import content_text, tool_calls
from indexing.formats._values import JSON_SUFFIXES, iter_values, object_in, reward_in, scalars, stem, text_in
from indexing.records import JSON, Trajectory

SOLVED = 1 - 1e-6
"""tau-bench's pass: a reward of 1, but for rounding."""


def read(path: Path, report: ImportReport) -> Iterator[Trajectory]:
    """Trajectories from files of conversations; those with no action or no user are counted."""
    ids = Ids()
    for name, content in iter_files(path, JSON_SUFFIXES, report):
        index = 0
        for value in iter_values(name, content, report):
            for log in _logs(value):
                record = _trajectory(log, name, index, ids, report)
                index += 1
                if record:
                    yield record


def _logs(value: JSON) -> Iterator[Mapping[str, JSON]]:
    """Each conversation in a value as an object with its `messages`."""
    if isinstance(value, dict):
        yield {"messages": value["traj"], **value} if "traj" in value else value
    elif isinstance(value, list):
        if any(isinstance(item, dict) and "role" in item for item in value):
            yield {"messages": value}
        else:
            for item in value:
                yield from _logs(item)
    else:
        yield {}


def _trajectory(
    log: Mapping[str, JSON], name: str, index: int, ids: Ids, report: ImportReport
) -> Trajectory | None:
    messages = log.get("messages")
    if not isinstance(messages, list):
        report.skip("not a conversation")
        return None
    turns = [message for message in messages if isinstance(message, dict)]
    task = _task(log)
    instruction = text_in(task, "instruction") or _first_user_text(turns)
    episode = _episode(turns, report)
    if not episode.steps:
        report.skip("conversation without an action")
        return None
    if not instruction:
        report.skip("conversation without a user message")
        return None
    user = task.get("user_id")
    return Trajectory(
        id=ids.unique(stem(name), *_own_id(log, index)),
        instruction=instruction,
        steps=tuple(episode.steps),
        final_observation=episode.final_observation,
        source={"kind": "recorded"},
        outcome=_outcome(log) or None,
        metadata={
            **scalars({key: value for key, value in log.items() if key not in ("id", "reward", "success")}),
            **({"user_id": user} if isinstance(user, str) else {}),
            "file": name,
        },
    )


def _task(log: Mapping[str, JSON]) -> Mapping[str, JSON]:
    return object_in(object_in(log, "info"), "task")


def _own_id(log: Mapping[str, JSON], index: int) -> tuple[object, ...]:
    if "task_id" in log:
        task = f"task-{log['task_id']}"
        return (task, f"trial-{log['trial']}") if "trial" in log else (task,)
    own = log.get("id")
    return (own,) if isinstance(own, str | int) and own != "" else (index,)


def _outcome(log: Mapping[str, JSON]) -> dict[str, JSON]:
    reward, success = reward_in(log.get("reward")), log.get("success")
    if "traj" in log and reward is not None:
        success = reward >= SOLVED
    outcome = {"success": success if isinstance(success, bool) else None, "reward": reward}
    return {key: value for key, value in outcome.items() if value is not None}


def _first_user_text(turns: Sequence[Mapping[str, JSON]]) -> str | None:
    told = (turn.get("content") for turn in turns if turn.get("role") == "user")
    texts = (content_text(content, ImportReport()) for content in told)
    return next((text for text in texts if text.strip()), None)


def _episode(turns: Sequence[Mapping[str, JSON]], report: ImportReport) -> Episode:
    episode = Episode()
    for turn in turns:
        text = content_text(turn.get("content"), report)
        match turn.get("role"):
            case "assistant":
                _act(episode, turn, text, report)
            case "user" | "tool" | "function":
                episode.see(text)
            case "system" | "developer":
                report.skip("system message")
            case _:
                report.skip("message of another role")
    return episode


def _act(episode: Episode, turn: Mapping[str, JSON], text: str, report: ImportReport) -> None:
    reasoning = text_in(turn, "reasoning_content", "reasoning")
    calls = tool_calls(turn, report)
    if calls:
        thought = "\n".join(part for part in (reasoning, text) if part)
        for number, action in enumerate(calls):
            episode.act(action, thought if number == 0 else None)
    elif said := text_in({"text": text, **turn}, "text", "refusal"):
        episode.act(respond(said), reasoning)
    else:
        report.skip("assistant message without text or call")
