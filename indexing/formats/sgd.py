"""Schema-Guided Dialogue: service calls and replies as actions.

A system turn is one step or two: where it calls a service, the call is the action on what the user
said, and its results are what is seen before the reply; the reply is a `respond` action. The user's
first utterance is the instruction. The dialogues say nothing of how well they went.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from indexing.formats import ImportReport
from indexing.formats._actions import call, compact, respond
from indexing.formats._episode import Episode
from indexing.formats._files import iter_files
from indexing.formats._ids import Ids
from indexing.formats._values import iter_objects, object_in, stem, text_in
from indexing.records import JSON, Trajectory

SPLITS = ("train", "dev", "test")
SCHEMA = "schema.json"


def read(path: Path, report: ImportReport) -> Iterator[Trajectory]:
    """Trajectories from `dialogues_*.json`, one each dialogue; the services' schemas are left out."""
    ids = Ids()
    for name, content in iter_files(path, (".json",), report):
        if PurePosixPath(name).name == SCHEMA:
            report.skip("schema of services")
            continue
        split = _split(path, name)
        for index, dialogue in enumerate(iter_objects(name, content, report)):
            record = _trajectory(dialogue, name, split, index, ids, report)
            if record:
                yield record


def _split(path: Path, name: str) -> str | None:
    folders = (*path.absolute().parts, *PurePosixPath(name).parts[:-1])
    return next((folder for folder in reversed(folders) if folder in SPLITS), None)


def _trajectory(
    dialogue: Mapping[str, JSON], name: str, split: str | None, index: int, ids: Ids, report: ImportReport
) -> Trajectory | None:
    turns = dialogue.get("turns")
    if not isinstance(turns, list):
        report.skip("not a dialogue")
        return None
    turns = [turn for turn in turns if isinstance(turn, dict)]
    user = (text_in(turn, "utterance") for turn in turns if turn.get("speaker") == "USER")
    instruction = next((utterance for utterance in user if utterance), None)
    if not instruction:
        report.skip("dialogue without a user's utterance")
        return None
    episode = _episode(turns, report)
    if not episode.steps:
        report.skip("dialogue without a system turn")
        return None
    own = text_in(dialogue, "dialogue_id")
    services = dialogue.get("services")
    metadata = {"file": name, "split": split, "dialogue_id": own, "services": services or None}
    return Trajectory(
        id=ids.unique(*([split] if split else []), *([own] if own else [stem(name), index])),
        instruction=instruction,
        steps=tuple(episode.steps),
        final_observation=episode.final_observation,
        source={"kind": "recorded"},
        metadata={key: value for key, value in metadata.items() if value is not None},
    )


def _episode(turns: Sequence[Mapping[str, JSON]], report: ImportReport) -> Episode:
    episode = Episode()
    for turn in turns:
        utterance = text_in(turn, "utterance")
        if turn.get("speaker") == "USER":
            episode.see(utterance or "")
            continue
        frames = list(_service_frames(turn))
        for frame in frames:
            episode.act(_call(frame["service_call"]))
        for frame in frames:
            episode.see(compact(frame.get("service_results") or []))
        if utterance:
            episode.act(respond(utterance))
        else:
            report.skip("reply without words")
    return episode


def _service_frames(turn: Mapping[str, JSON]) -> Iterator[Mapping[str, JSON]]:
    frames = turn.get("frames")
    for frame in frames if isinstance(frames, list) else ():
        if isinstance(frame, dict) and isinstance(frame.get("service_call"), dict):
            yield frame


def _call(service_call: Mapping[str, JSON]) -> str:
    return call(text_in(service_call, "method") or "unknown", object_in(service_call, "parameters"))
