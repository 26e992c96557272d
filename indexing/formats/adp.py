"""Agent Data Protocol: the standardized form, and ATIF, its successor.

The standardized form is a list `content` of actions and observations, each told by its `class_`;
ATIF (v1.x) has `steps` of a system, a user and an agent. A call is written as a call, code as a
fenced block, a message as `respond`; reasoning and descriptions are the thought. A system text
that opens a trajectory is the agent's prompt: left out and counted. Screenshots are named in
`metadata.images`; what is annotated on them is seen as text. The outcome's reward is the sum of
the rewards along the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from indexing.formats import ImportReport
from indexing.formats._actions import call, code, respond
from indexing.formats._atif import read_step
from indexing.formats._files import iter_files
from indexing.formats._ids import Ids
from indexing.formats._log import Log
from indexing.formats._values import JSON_SUFFIXES, iter_objects, kept, object_in, scalars, stem, text_in
from indexing.records import JSON, Trajectory

_INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def read(path: Path, report: ImportReport) -> Iterator[Trajectory]:
    """Trajectories from JSON or JSON lines in either form; those with no action are counted."""
    ids = Ids()
    for name, content in iter_files(path, JSON_SUFFIXES, report):
        for index, item in enumerate(iter_objects(name, content, report)):
            record = _trajectory(item, name, index, ids, report)
            if record:
                yield record


def _trajectory(
    item: Mapping[str, JSON], name: str, index: int, ids: Ids, report: ImportReport
) -> Trajectory | None:
    log = Log(report)
    if isinstance(item.get("content"), list):
        told = kept(item.get("details"), report)
        for entry in item["content"]:
            _read_entry(entry if isinstance(entry, dict) else {}, log)
    elif isinstance(item.get("steps"), list):
        told = _atif_details(item, report)
        for step in item["steps"]:
            read_step(step if isinstance(step, dict) else {}, log)
    else:
        report.skip("not a trajectory")
        return None
    instruction = log.instruction or text_in(told, "instruction", "task", "goal")
    if not log.episode.steps:
        report.skip("trajectory without an action")
        return None
    if not instruction:
        report.skip("trajectory without an instruction")
        return None
    own = text_in(item, "id", "trajectory_id", "session_id")
    return Trajectory(
        id=ids.unique(own) if own else ids.unique(stem(name), index),
        instruction=instruction,
        steps=tuple(log.episode.steps),
        final_observation=log.episode.final_observation,
        source={"kind": "recorded"},
        outcome={"reward": log.reward} if log.reward is not None else None,
        metadata={**told, "file": name, **({"images": log.images} if log.images else {})},
    )


def _atif_details(item: Mapping[str, JSON], report: ImportReport) -> dict[str, JSON]:
    if item.get("subagent_trajectories"):
        report.skip("trajectories of subagents")
    agent, extra = object_in(item, "agent"), object_in(item, "extra")
    details = {
        "agent": text_in(agent, "name"),
        "model": text_in(agent, "model_name"),
        "schema_version": text_in(item, "schema_version"),
    }
    return {
        **scalars(extra),
        **kept(extra.get("adp_details"), report),
        **{key: value for key, value in details.items() if value},
    }


def _read_entry(entry: Mapping[str, JSON], log: Log) -> None:
    """Add one action or observation of the standardized form."""
    text = text_in(entry, "content", "message", "text") or ""
    thoughts = (text_in(entry, "reasoning_content"), text_in(entry, "description", "thoughts"))
    match _class_name(entry):
        case "api_action":
            log.act(call(text_in(entry, "function") or "unknown", object_in(entry, "kwargs")), *thoughts)
        case "code_action":
            log.act(code(text_in(entry, "language") or "", text), *thoughts)
        case "message_action":
            _say(text, thoughts, log)
        case "text_observation":
            _read_text(entry, text, log)
        case "web_observation":
            _read_page(entry, log)
        case "image_observation":
            log.image(entry.get("content"))
            log.see(_annotations(entry))
        case _:
            log.report.skip("entry of an unknown class")
            return
    log.add_reward(entry.get("reward"))


def _class_name(entry: Mapping[str, JSON]) -> str:
    """`TextObservation` and `text_observation` alike: the protocol's own pages print both."""
    return _INNER_CAPITAL.sub("_", str(entry.get("class_"))).lower()


def _say(text: str, thoughts: tuple[str | None, ...], log: Log) -> None:
    if text:
        log.act(respond(text), *thoughts)
    else:
        log.report.skip("message without text")


def _read_text(entry: Mapping[str, JSON], text: str, log: Log) -> None:
    match entry.get("source"):
        case "user":
            log.user(text)
        case "system":
            log.system(text)
        case "agent" | "assistant":
            _say(text, (), log)
        case _:
            log.see(text)


def _read_page(entry: Mapping[str, JSON], log: Log) -> None:
    """The accessibility tree where there is one, else the HTML; the address above it."""
    url = text_in(entry, "url")
    parts = (f"URL: {url}" if url else None, text_in(entry, "axtree", "html"))
    log.see("\n".join(part for part in parts if part))
    if image := object_in(entry, "image_observation"):
        log.image(image.get("content"))


def _annotations(entry: Mapping[str, JSON]) -> str:
    annotations = entry.get("annotations")
    lines = []
    for mark in annotations if isinstance(annotations, list) else ():
        if isinstance(mark, dict):
            told = (text_in(mark, "element_type"), text_in(mark, "text", "content_description"))
            lines.append(" ".join(part for part in told if part))
    return "\n".join(line for line in lines if line)
