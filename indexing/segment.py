"""A set of records with all their indexes, immutable: in memory for the delta, memory-mapped in a generation.

Records are numbered by id order (their *ordinal*), so that ties broken by ordinal are broken by id.
Everything is an array, named in `arrays`, plus FAISS indexes in `dense`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json, to_json

from indexing.analysis import AnalyzedDocument, AnalyzedTrajectory, fingerprint
from indexing.dense import DenseIndex
from indexing.derived import Derived
from indexing.filters import AttributeIndex
from indexing.lexical import LexicalIndex

Arrays: TypeAlias = dict[str, NDArray[Any]]
Dense: TypeAlias = Mapping[str, DenseIndex]
LEXICAL_FIELDS = ("observation", "instruction", "trajectory")


def _offsets(sizes: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))]).astype(np.int64)


def _blob(parts: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(parts), np.uint8)


def _pack_records(records: Sequence[AnalyzedTrajectory] | Sequence[AnalyzedDocument]) -> Arrays:
    ids = [record.id.encode() for record in records]
    found = AttributeIndex.build([record.attributes for record in records])
    return {
        "ids": _blob(ids),
        "ids_start": _offsets([len(item) for item in ids]),
        "bodies": _blob([record.body for record in records]),
        "bodies_start": _offsets([len(record.body) for record in records]),
        "revision": np.array([record.revision for record in records], np.int64),
        "attributes": _blob([to_json(found.table)]),
        "attributes_records": found.records,
    }


class Segment(Derived):
    """What trajectories and documents have in common: ids, revisions, bodies, attributes."""

    def __init__(self, arrays: Arrays, dense: Dense) -> None:
        super().__init__()
        self.arrays = arrays
        self.dense = dense
        start, blob = arrays["ids_start"].tolist(), arrays["ids"].tobytes()
        self.ids: list[str] = [blob[a:b].decode() for a, b in pairwise(start)]
        self.revision: NDArray[np.int64] = arrays["revision"]
        self._attributes: AttributeIndex | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def ordinal(self, id: str) -> int | None:
        """The ordinal of a record, None where it isn't here."""
        place = bisect_left(self.ids, id.encode(), key=str.encode)
        return place if place < len(self.ids) and self.ids[place] == id else None

    def body(self, ordinal: int) -> bytes:
        """A record's JSON."""
        start = self.arrays["bodies_start"]
        return self.arrays["bodies"][start[ordinal] : start[ordinal + 1]].tobytes()

    @property
    def attributes(self) -> AttributeIndex:
        """What can be filtered on; read at first use."""
        if self._attributes is None:
            table = [tuple(row) for row in from_json(self.arrays["attributes"].tobytes())]
            self._attributes = AttributeIndex(table, self.arrays["attributes_records"])
        return self._attributes


class _Rows:
    """Distinct texts of a field and who bears them: `members[start[row]:start[row + 1]]`."""

    def __init__(self, arrays: Arrays, name: str) -> None:
        self.keys: NDArray[np.uint64] = arrays[f"{name}_keys"]
        self.start: NDArray[np.int64] = arrays[f"{name}_start"]
        self.members: NDArray[np.int32] = arrays[f"{name}_members"]

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, key: int) -> int | None:
        place = int(np.searchsorted(self.keys, np.uint64(key)))
        return place if place < len(self.keys) and int(self.keys[place]) == key else None

    def of(self, row: int) -> NDArray[np.int32]:
        """The members of one row, ascending."""
        return self.members[self.start[row] : self.start[row + 1]]

    def of_all(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """The members of several rows, row by row."""
        starts, sizes = self.start[rows], self.start[rows + 1] - self.start[rows]
        before = np.cumsum(sizes) - sizes
        found: NDArray[np.int32] = self.members[np.repeat(starts - before, sizes) + np.arange(sizes.sum())]
        return found


def _pack_rows(keys: NDArray[np.uint64], name: str) -> tuple[Arrays, NDArray[np.int64], NDArray[np.int64]]:
    """Arrays of `_Rows`, the first bearer of each row, and the row of each bearer."""
    unique, first, row, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    arrays: Arrays = {
        f"{name}_keys": unique,
        f"{name}_start": _offsets(counts.tolist()),
        f"{name}_members": np.argsort(row, kind="stable").astype(np.int32),
        f"{name}_row": row.astype(np.int32),
    }
    return arrays, first, row


def _prefixed(name: str, index: LexicalIndex) -> Arrays:
    return {f"lexical_{name}_{part}": array for part, array in index.arrays.items()}


class TrajectorySegment(Segment):
    """Trajectories with their positions (see `indexing.analysis`), rows and indexes.

    `position_start` (T+1) cuts positions by trajectory; `owner`, `verbatim`, `action` (P,) and
    `tokens` (P, 3) describe each position; `observation_row` (P,) and `instruction_row` (T,) name
    its distinct normalised observation and a trajectory's distinct instruction.
    """

    def __init__(self, arrays: Arrays, dense: Dense) -> None:
        super().__init__(arrays, dense)
        self.position_start: NDArray[np.int64] = arrays["position_start"]
        self.steps: NDArray[np.int32] = arrays["steps"]
        self.success: NDArray[np.int8] = arrays["success"]
        self.owner: NDArray[np.int32] = arrays["owner"]
        self.verbatim: NDArray[np.uint64] = arrays["verbatim"]
        self.action: NDArray[np.uint64] = arrays["action"]
        self.tokens: NDArray[np.int32] = arrays["tokens"]
        self.instruction_tokens: NDArray[np.int32] = arrays["instruction_tokens"]
        self.observation_row: NDArray[np.int32] = arrays["observation_row"]
        self.instruction_row: NDArray[np.int32] = arrays["instruction_row"]
        self.observations = _Rows(arrays, "observation")
        self.instructions = _Rows(arrays, "instruction")
        self.lexical = {
            name: LexicalIndex({part: arrays[f"lexical_{name}_{part}"] for part in LexicalIndex.NAMES})
            for name in LEXICAL_FIELDS
        }

    @staticmethod
    def pack(records: Sequence[AnalyzedTrajectory]) -> Arrays:
        """The arrays of a segment; `records` in the byte order of their ids."""
        positions = [len(record.verbatim) for record in records]
        seen = [keys for record in records for keys in record.observation_terms]
        normalized = np.concatenate([np.empty(0, np.uint64), *(record.normalized for record in records)])
        observation, first_seen, _ = _pack_rows(normalized, "observation")
        told = np.fromiter((fingerprint(record.instruction) for record in records), np.uint64, len(records))
        instruction, first_told, _ = _pack_rows(told, "instruction")
        lexical = {
            "observation": LexicalIndex.build(
                [seen[i] for i in first_seen], np.diff(observation["observation_start"])
            ),
            "instruction": LexicalIndex.build(
                [records[i].instruction_terms for i in first_told], np.diff(instruction["instruction_start"])
            ),
            "trajectory": LexicalIndex.build(
                [record.trajectory_terms for record in records], np.ones(len(records), np.int32)
            ),
        }
        arrays: Arrays = {
            "position_start": _offsets(positions),
            "owner": np.repeat(np.arange(len(records), dtype=np.int32), positions),
            "verbatim": np.concatenate([np.empty(0, np.uint64), *(record.verbatim for record in records)]),
            "action": np.concatenate([np.empty(0, np.uint64), *(record.actions for record in records)]),
            "tokens": np.concatenate([np.empty((0, 3), np.int32), *(record.tokens for record in records)]),
            "steps": np.array([record.steps for record in records], np.int32),
            "success": np.array([record.success for record in records], np.int8),
            "instruction_tokens": np.array([record.instruction_tokens for record in records], np.int32),
        }
        for name, index in lexical.items():
            arrays |= _prefixed(name, index)
        return _pack_records(records) | arrays | observation | instruction

    @staticmethod
    def texts(records: Sequence[AnalyzedTrajectory], arrays: Arrays) -> dict[str, list[str]]:
        """The texts to embed for each dense field, in the order of its rows."""
        members, start = arrays["instruction_members"], arrays["instruction_start"]
        told = [records[members[first]].instruction for first in start[:-1]]
        return {"instruction": told, "outline": [record.outline for record in records]}


class DocumentSegment(Segment):
    """Documents with their terms and token counts."""

    def __init__(self, arrays: Arrays, dense: Dense) -> None:
        super().__init__(arrays, dense)
        self.tokens: NDArray[np.int32] = arrays["tokens"]

    @staticmethod
    def pack(records: Sequence[AnalyzedDocument]) -> Arrays:
        """The arrays of a segment; `records` in the byte order of their ids."""
        arrays = {
            "tokens": np.array([record.tokens for record in records], np.int32),
            "terms": np.concatenate([np.empty(0, np.uint64), *(record.terms for record in records)]),
            "terms_start": _offsets([len(record.terms) for record in records]),
        }
        return _pack_records(records) | arrays

    @staticmethod
    def texts(records: Sequence[AnalyzedDocument], arrays: Arrays) -> dict[str, list[str]]:  # noqa: ARG004
        """The texts to embed for each dense field, in the order of its rows."""
        return {"text": [record.text for record in records]}

    def terms(self, ordinal: int) -> list[int]:
        """The term keys of one document, in order."""
        start = self.arrays["terms_start"]
        keys: list[int] = self.arrays["terms"][start[ordinal] : start[ordinal + 1]].tolist()
        return keys
