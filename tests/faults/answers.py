"""Answers as bytes to compare, and what a library that never crashed would answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from indexing.library import Library
from indexing.parsing import parse_value
from indexing.records import Document, Trajectory
from service.retrieval import answer_once
from service.schemas import RetrieveIn
from service.settings import load_settings
from tests.faults.serving import Serving

SCORE = re.compile(rb'"score":([^,}]+)')


def comparable(answer: Mapping[str, Any]) -> bytes:
    """All of an answer but its timings, and the generation's name, which is new each time."""
    return to_json(
        {name: value for name, value in answer.items() if name not in ("timings_ms", "generation")}
    )


def asked(serving: Serving, requests: Iterable[dict[str, Any]]) -> list[bytes]:
    """What the service answers."""
    return [comparable(retrieved(serving, request)) for request in requests]


def retrieved(serving: Serving, request: dict[str, Any]) -> dict[str, Any]:
    answer = serving.post("/retrieve", request)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["degraded"] == [], found["degraded"]
    return found


def scores_apart(answers: Iterable[bytes]) -> tuple[list[bytes], list[float]]:
    """Answers without their scores, and the scores: a model's differ by what text shared a batch."""
    every = list(answers)
    scores = [float(score) for answer in every for score in SCORE.findall(answer)]
    return [SCORE.sub(b'"score":0', answer) for answer in every], scores


def undisturbed(
    folder: Path,
    name: str,
    settings: Mapping[str, Any],
    records: tuple[Sequence[dict[str, Any]], Sequence[dict[str, Any]]],
    requests: Iterable[dict[str, Any]],
) -> list[bytes]:
    """What a fresh library answers that holds these trajectories and documents, and nothing else ever."""
    trajectories, documents = records
    with Library(folder) as library:
        library.create(name, settings)
        library.upsert(name, "trajectory", [parse_value(one, Trajectory) for one in trajectories])
        library.upsert(name, "document", [parse_value(one, Document) for one in documents])
        library.wait(name, library.collection(name).sequence)
        own = load_settings(data_dir=folder)
        models = [RetrieveIn.model_validate(request) for request in requests]
        return [comparable(asyncio.run(answer_once(own, library, model))) for model in models]
