"""One record, read once for all indexes: fingerprints, terms, token counts, texts to embed.

A *position* is a place in a trajectory where something was observed: one for each step, and one
more for the final observation where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from indexing.filters import Attribute, attributes
from indexing.lexical import hash_terms
from indexing.normalizers import Normalizer
from indexing.records import Document, Record, Trajectory, to_bytes
from indexing.settings import CollectionSettings
from indexing.terms import terms
from indexing.tokens import Tokenizer

NO_ACTION = 0
"""Fingerprint of the action at a final observation: there is none."""

OUTLINE_CHARACTERS = 1_200
"""How much of a trajectory is embedded: about what a 256-token model reads."""

Keys = NDArray[np.uint64]


def fingerprint(text: str) -> int:
    """64 bits that stand for a text; never `NO_ACTION`."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def outline(trajectory: Trajectory) -> str:
    """The text that stands for a trajectory in dense retrieval: its instruction, then its actions."""
    text = trajectory.instruction
    for step in trajectory.steps:
        if len(text) >= OUTLINE_CHARACTERS:
            break
        text += f"\n{step.action[:200]}"
    return text[:OUTLINE_CHARACTERS]


def document_text(document: Document) -> str:
    """The text that stands for a document: its title, then what it says."""
    return f"{document.title}\n{document.text}" if document.title else document.text


def embedded_texts(record: Record, settings: CollectionSettings) -> list[str]:
    """What of a record is embedded."""
    if isinstance(record, Trajectory):
        return [record.instruction, outline(record)]
    return [document_text(record)] if settings.documents_engine == "dense" else []


@dataclass(frozen=True, slots=True)
class AnalyzedTrajectory:
    """What the indexes need of a trajectory; arrays have one entry for each position.

    `tokens` is (positions, 3): observation, action and thought, counted by the collection's tokenizer.
    """

    id: str
    revision: int
    body: bytes
    instruction: str
    outline: str
    steps: int
    success: int
    instruction_terms: Keys
    trajectory_terms: Keys
    verbatim: Keys
    normalized: Keys
    actions: Keys
    observation_terms: tuple[Keys, ...]
    tokens: NDArray[np.int32]
    instruction_tokens: int
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class AnalyzedDocument:
    """What the indexes need of a document."""

    id: str
    revision: int
    body: bytes
    text: str
    terms: Keys
    tokens: int
    attributes: tuple[Attribute, ...]


class Analyzer:
    """Reads records the way a collection's settings say.

    Observations recur, so what is computed of one is remembered for a while (`memory` texts).
    """

    def __init__(self, normalizer: Normalizer, tokenizer: Tokenizer, memory: int = 1 << 14) -> None:
        self.normalizer = normalizer
        self.tokenizer = tokenizer
        self._observe = lru_cache(memory)(self._read_observation)
        self._act = lru_cache(memory)(lambda text: (fingerprint(text), hash_terms(terms(text))))

    def _read_observation(self, observation: str) -> tuple[int, int, Keys]:
        normal = self.normalizer(observation)
        return fingerprint(observation), fingerprint(normal), hash_terms(terms(normal))

    def situation(self, observation: str) -> tuple[int, int, list[str]]:
        """A present observation's verbatim and normalised fingerprint, and its terms."""
        normal = self.normalizer(observation)
        return fingerprint(observation), fingerprint(normal), terms(normal)

    def trajectory(self, record: Trajectory, revision: int, body: bytes | None = None) -> AnalyzedTrajectory:
        """Read one trajectory; `body` is its stored form, where at hand."""
        steps = record.steps
        observations = [step.observation for step in steps]
        if record.final_observation is not None:
            observations.append(record.final_observation)
        seen = [self._observe(text) for text in observations]
        acted = [self._act(step.action) for step in steps]
        instruction_terms = hash_terms(terms(record.instruction))
        thoughts = [hash_terms(terms(step.thought)) for step in steps if step.thought]
        success = (record.outcome or {}).get("success")
        return AnalyzedTrajectory(
            id=record.id,
            revision=revision,
            body=body if body is not None else to_bytes(record),
            instruction=record.instruction,
            outline=outline(record),
            steps=len(steps),
            success=-1 if success is None else int(success),
            instruction_terms=instruction_terms,
            trajectory_terms=np.concatenate([instruction_terms, *(keys for _, keys in acted), *thoughts]),
            verbatim=np.array([verbatim for verbatim, _, _ in seen], np.uint64),
            normalized=np.array([normal for _, normal, _ in seen], np.uint64),
            actions=np.array([key for key, _ in acted] + [NO_ACTION] * (len(seen) - len(acted)), np.uint64),
            observation_terms=tuple(keys for _, _, keys in seen),
            tokens=self._count(record, observations),
            instruction_tokens=self.tokenizer.count([record.instruction])[0],
            attributes=attributes(record),
        )

    def _count(self, record: Trajectory, observations: Sequence[str]) -> NDArray[np.int32]:
        steps, n = record.steps, len(observations)
        texts = [
            *observations,
            *(s.action for s in steps),
            *(s.thought for s in steps if s.thought is not None),
        ]
        counts = self.tokenizer.count(texts)
        tokens = np.zeros((n, 3), np.int32)
        tokens[:, 0] = counts[:n]
        tokens[: len(steps), 1] = counts[n : n + len(steps)]
        thinking = [index for index, step in enumerate(steps) if step.thought is not None]
        tokens[thinking, 2] = counts[n + len(steps) :]
        return tokens

    def document(self, record: Document, revision: int, body: bytes | None = None) -> AnalyzedDocument:
        """Read one document; `body` is its stored form, where at hand."""
        text = document_text(record)
        return AnalyzedDocument(
            id=record.id,
            revision=revision,
            body=body if body is not None else to_bytes(record),
            text=text,
            terms=hash_terms(terms(text)),
            tokens=sum(self.tokenizer.count([record.title, record.text])),
            attributes=attributes(record),
        )
