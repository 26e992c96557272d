"""SWE-agent's `.traj` files.

In them an observation *follows* its action; here it is what the next action was taken on. Before
the first one stands what the prompt shows of the shell (open file, directory). The instruction is
the issue itself, out of the first message, without the rules of the game around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from indexing.formats import ImportReport
from indexing.formats._files import iter_files
from indexing.formats._ids import Ids
from indexing.formats._messages import content_text
from indexing.formats._values import iter_values, object_in, stem, text_in
from indexing.records import JSON, Step, Trajectory

_TAGGED = re.compile(r"<(pr_description|issue)>(.*?)</\1>", re.DOTALL)
_BEFORE_ISSUE = re.compile(r"^ISSUE:[ \t]*$", re.MULTILINE)
_AFTER_ISSUE = re.compile(r"^INSTRUCTIONS:[ \t]*$", re.MULTILINE)
_SHELL = re.compile(r"\(Open file: [^\n]*\)\n\(Current directory: [^\n]*\)\n\S*\$\s*\Z")


def read(path: Path, report: ImportReport) -> Iterator[Trajectory]:
    """Trajectories from `.traj` files; one that holds only a history of messages is counted."""
    ids = Ids()
    for name, content in iter_files(path, (".traj",), report):
        for run in iter_values(name, content, report):
            record = _trajectory(run, name, ids, report)
            if record:
                yield record


def issue_text(prompt: str) -> str:
    """The issue in SWE-agent's first message: between its marks, or the whole where there are none."""
    if tagged := _TAGGED.search(prompt):
        return tagged[2].strip()
    told = _AFTER_ISSUE.split(prompt, maxsplit=1)[0]
    return _BEFORE_ISSUE.split(told, maxsplit=1)[-1].strip() or prompt.strip()


def _trajectory(run: JSON, name: str, ids: Ids, report: ImportReport) -> Trajectory | None:
    taken = run.get("trajectory") if isinstance(run, dict) else None
    if not isinstance(taken, list):
        report.skip("file without a trajectory")
        return None
    prompt = _prompt(run, report)
    if not prompt:
        report.skip("trajectory without an issue")
        return None
    shell = _SHELL.search(prompt)
    steps, seen = _steps(taken, shell[0].rstrip() if shell else "", report)
    if not steps:
        report.skip("trajectory without an action")
        return None
    metadata = {
        "file": name,
        "instance": PurePosixPath(name).stem,
        "environment": run.get("environment"),
        "exit_status": object_in(run, "info").get("exit_status"),
    }
    return Trajectory(
        id=ids.unique(stem(name)),
        instruction=issue_text(prompt),
        steps=tuple(steps),
        final_observation=seen or None,
        source={"kind": "recorded"},
        metadata={key: value for key, value in metadata.items() if isinstance(value, str)},
    )


def _prompt(run: Mapping[str, JSON], report: ImportReport) -> str | None:
    """The first message that tells the task, demonstrations passed over."""
    history = run.get("history")
    for message in history if isinstance(history, list) else ():
        if isinstance(message, dict) and message.get("role") == "user" and not message.get("is_demo"):
            text = content_text(message.get("content"), report)
            if text.strip():
                return text
    return text_in(object_in(run, "problem_statement"), "text") or text_in(run, "problem_statement")


def _steps(taken: list[JSON], seen: str, report: ImportReport) -> tuple[list[Step], str]:
    """The steps, and what was seen after the last."""
    steps = []
    for entry in taken:
        action = text_in(entry, "action") if isinstance(entry, dict) else None
        if action is None:
            report.skip("step without an action")
        else:
            thought = text_in(entry, "thought")
            steps.append(Step(seen, action.strip("\n"), thought.strip("\n") if thought else None))
        observation = entry.get("observation") if isinstance(entry, dict) else None
        seen = observation if isinstance(observation, str) else ""
    return steps, seen
